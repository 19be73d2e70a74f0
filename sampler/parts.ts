import type { Connection } from '../libvirt/client/connection.ts';
import { ManagedConnection } from '../libvirt/client/managed.ts';
import { DEFAULT_GROUPS, type GroupName } from '../model/catalogue/catalogue.ts';
import type { MetadataReader } from '../model/domain/custom-metadata.ts';
import type { HostPart } from '../model/host.ts';
import { AGENT_GROUPS, AgentReader } from './agent/agent-reader.ts';
import { AutostartOnce } from './autostart-once.ts';
import { Background } from './background-read.ts';
import { ConnectionPool } from './connection-pool.ts';
import { Crashes } from './crashes.ts';
import { DomainAsker } from './domain-asker.ts';
import { Extras } from './extras.ts';
import { FactsCache } from './facts-cache.ts';
import { GuestMemory } from './guest-memory.ts';
import { Capabilities } from './host/capabilities.ts';
import { HostConnections } from './host/host-connections.ts';
import { HostReader } from './host/host-reader.ts';
import { Identity } from './identity.ts';
import { Liveness } from './liveness.ts';
import { DriftFile } from './local/drift-file.ts';
import { LocalReader } from './local/local-reader.ts';
import { Processes } from './local/processes.ts';
import { ResidentMemory } from './local/resident-memory.ts';
import { LocalVcpus } from './local/vcpus.ts';
import { Marks } from './marks.ts';
import { SampleClock } from './sample-clock.ts';
import { SlowReads } from './slow-reads.ts';
import { Snapshots } from './snapshots.ts';
import { Summaries } from './summaries.ts';
import { UnknownStatistics } from './unknown-statistics.ts';
import { VcpuPlacement } from './vcpu-placement.ts';
import { Versions } from './versions.ts';

export interface SamplerOptions {
  /** Opens one read-only connection to the host. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
  /** Opens a connection for guest agents alone, if a group needs it. Without it such groups have no figures. */
  readonly openGuestAgent?: ((signal: AbortSignal) => Promise<Connection>) | undefined;
  /** Called with the reason why guest agents cannot be asked. */
  readonly onGuestAgentFailure?: ((error: Error) => void) | undefined;
  /** Called when a part of the host's own figures begins to fail. */
  readonly onHostFailure?: ((part: HostPart, error: Error) => void) | undefined;
  /** Called once for each statistic that this version does not know; device numbers are N. */
  readonly onUnknownStatistic?: ((name: string) => void) | undefined;
  /** What to ask for; the catalogue's defaults when absent. */
  readonly groups?: ReadonlySet<GroupName> | undefined;
  /** Reads custom labels from each domain's XML. */
  readonly metadata?: MetadataReader | undefined;
  /** `/proc` of the sampled host; absent when virtune does not run there. */
  readonly procRoot?: string | undefined;
  /** Where the host's control groups are mounted; `/sys/fs/cgroup` when absent. */
  readonly cgroupRoot?: string | undefined;
  /** Called with the UUID of a VM whose guest has rebooted: libvirt counts that as the same run. */
  readonly onReboot?: ((uuid: string) => void) | undefined;
  /** Where the tuner records drift. */
  readonly driftFile?: string | undefined;
  /** Called when that file becomes unusable, and again when the reason changes. */
  readonly onDriftFailure?: ((error: Error) => void) | undefined;
  /** For one domain's answer. */
  readonly domainDeadlineMs?: number | undefined;
  /** For a call that waits until a VM's job is free: no answer by then shows a hang. */
  readonly probeLimitMs?: number | undefined;
  /** For the whole tick; what was not asked by then is reported late. */
  readonly tickDeadlineMs?: number | undefined;
  /** Calls in flight that a stuck guest can block. */
  readonly inFlight?: number | undefined;
  /** Domains asked per tick where their vCPUs run; with more, they take turns. */
  readonly placementsPerTick?: number | undefined;
  readonly baseConnections?: number | undefined;
  readonly maxConnections?: number | undefined;
  /** Wall clock, ms since 1970; default: the system's. */
  readonly now?: (() => number) | undefined;
  /** Monotonic clock, ms; default: `now` where that is given, else the system's. */
  readonly steadyMs?: (() => number) | undefined;
}

const DEFAULTS = {
  groups: DEFAULT_GROUPS,
  domainDeadlineMs: 2_000,
  probeLimitMs: 5_000,
  tickDeadlineMs: 8_000,
  inFlight: 8,
  baseConnections: 4,
  maxConnections: 5,
};

const HOST_GROUPS = ['host', 'pool', 'overcommit', 'hostcpus'] as const;

/** The limits that a sampler keeps, and what it asks for. */
export type SamplerLimits = typeof DEFAULTS;

/** The parts that sample one host; `undefined` if no group needs one, or virtune does not run on the host. */
export interface SamplerParts {
  readonly limits: SamplerLimits;
  readonly clock: SampleClock;
  readonly control: ManagedConnection;
  readonly pool: ConnectionPool;
  readonly facts: FactsCache;
  readonly summaries: Summaries;
  /** Carries the calls about the host. */
  readonly hostConnections: HostConnections;
  readonly background: Background;
  readonly capabilities: Capabilities;
  readonly host: HostReader | undefined;
  readonly marks: Marks | undefined;
  readonly extras: Extras;
  readonly crashes: Crashes;
  readonly asker: DomainAsker;
  readonly local: LocalReader;
  readonly drift: DriftFile | undefined;
  readonly liveness: Liveness;
  readonly processes: Processes | undefined;
  readonly agents: AgentReader | undefined;
  readonly guestMemory: GuestMemory;
  readonly unknown: UnknownStatistics;
  readonly residentMemory: ResidentMemory | undefined;
  readonly vcpuPlacement: VcpuPlacement | undefined;
  readonly autostartOnce: AutostartOnce | undefined;
  readonly versions: Versions;
  readonly identity: Identity;
}

/** `onOpen`: called when the control connection has been opened; `onMarks`: when the list of marks has come. */
export function samplerParts(
  options: SamplerOptions,
  { onOpen, onMarks }: { readonly onOpen: () => void; readonly onMarks: () => void },
): SamplerParts {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const limits: SamplerLimits = { ...DEFAULTS, ...given };
  const { groups, domainDeadlineMs } = limits;
  const { open, procRoot, cgroupRoot = '/sys/fs/cgroup' } = options;
  const clock = new SampleClock(options.now, options.steadyMs);
  const { nowMs, steadyMs } = clock;
  const facts = new FactsCache(steadyMs, options.metadata);
  const summaries = new Summaries(domainDeadlineMs, nowMs);
  const pool = new ConnectionPool({ open, base: limits.baseConnections, max: limits.maxConnections });
  const control = new ManagedConnection({ open, onOpen: async () => onOpen() });
  const hostConnections = new HostConnections(open);
  const background = new Background();
  const slowReads = new SlowReads();
  const beside = { ask: hostConnections.call, background, steadyMs };
  const wantsTopology = (['host', 'hostcpus', 'overcommit'] as const).some((name) => groups.has(name));
  const capabilities = new Capabilities({ ...beside, wantsTopology });
  const host = HOST_GROUPS.some((name) => groups.has(name))
    ? new HostReader({
        ...beside,
        groups,
        procRoot,
        cgroupRoot,
        capabilities,
        slowReads,
        onFailure: options.onHostFailure,
      })
    : undefined;
  const extras = new Extras({
    groups,
    snapshots: groups.has('snapshot') ? new Snapshots(beside) : undefined,
  });
  const marks = groups.has('domain') ? new Marks({ ...beside, onAnswer: onMarks }) : undefined;
  const processes = procRoot === undefined ? undefined : new Processes(procRoot, slowReads, steadyMs);
  const onHost = procRoot === undefined || processes === undefined ? undefined : { procRoot, processes };
  const local = new LocalReader({
    groups,
    procRoot,
    cgroupRoot,
    processes,
    background,
    slowReads,
    steadyMs,
  });
  const vcpuPlacement = groups.has('placement') ? new VcpuPlacement(options.placementsPerTick) : undefined;
  const guestMemory = new GuestMemory(nowMs, steadyMs);
  const unknown = new UnknownStatistics(options.onUnknownStatistic);
  const residentMemory = onHost && new ResidentMemory(onHost.procRoot, onHost.processes);
  const liveness = new Liveness({
    open,
    hungAfterMs: domainDeadlineMs,
    probeLimitMs: limits.probeLimitMs,
    procRoot,
    processes,
    nowMs,
  });
  const asker = new DomainAsker({
    ...limits,
    nowMs,
    pool,
    facts,
    summaries,
    extras,
    liveness,
    vcpuPlacement,
    guestMemory,
    unknown,
    residentMemory,
    vcpus: onHost && new LocalVcpus(onHost.procRoot, onHost.processes),
  });
  const { openGuestAgent, onGuestAgentFailure = () => undefined } = options;
  const wantsAgents = AGENT_GROUPS.some((name) => groups.has(name));
  const agents =
    openGuestAgent !== undefined && wantsAgents
      ? new AgentReader({ groups, open: openGuestAgent, onFailure: onGuestAgentFailure, nowMs, steadyMs })
      : undefined;
  facts.watch(control);
  extras.watch(control);
  marks?.watch(control);
  const crashes = new Crashes(nowMs);
  crashes.watch(control);
  const { onReboot } = options;
  if (onReboot !== undefined) control.on('reboot', ({ domain }) => onReboot(domain.uuid));
  return {
    limits,
    clock,
    control,
    pool,
    facts,
    summaries,
    hostConnections,
    background,
    capabilities,
    host,
    marks,
    extras,
    crashes,
    asker,
    local,
    drift:
      options.driftFile !== undefined && groups.has('tuning')
        ? new DriftFile(options.driftFile, options.onDriftFailure)
        : undefined,
    liveness,
    processes,
    agents,
    guestMemory,
    unknown,
    residentMemory,
    vcpuPlacement,
    autostartOnce: groups.has('domain') ? new AutostartOnce(steadyMs) : undefined,
    versions: new Versions(beside),
    identity: new Identity({ ...beside, capabilities }),
  };
}
