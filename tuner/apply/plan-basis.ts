import { hash } from 'node:crypto';
import type { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { TunedMark } from '../../model/domain/tuned-mark.ts';
import { basePageKiB, type HostTopology } from '../../model/topology.ts';
import { type DomainState, type HostFacts, hostOfDomain } from '../facts/facts.ts';

/** Facts by description; each value is a text, so that two can be compared and shown. */
type Facts = Readonly<Record<string, string>>;

/** What a plan looked at, on a host and every domain on it: the facts that its placement depends on. */
export interface PlanBasis {
  readonly host: Facts;
  /** By UUID. */
  readonly domains: Readonly<Record<string, { readonly name: string; readonly facts: Facts }>>;
}

const NONE = 'none';
/** Prefix of facts about huge page pools; plan files contain it too. */
const POOL = 'pages of ';

/** The basis of what was read, for a plan or to check it. */
export function basisOf(host: HostFacts, domains: readonly DomainState[]): PlanBasis {
  return {
    host: { ...hostFacts(host), ...partitionFacts(host, domains) },
    domains: Object.fromEntries(
      domains.map((state) => [state.domain.uuid, { name: state.domain.name, facts: domainFacts(state) }]),
    ),
  };
}

function hostFacts({ topology, online, cells, local }: HostFacts): Facts {
  // Free pages of the base size change all the time, and no placement depends on them.
  const baseKiB = basePageKiB(topology);
  const pools = cells.flatMap(({ id, pages }) =>
    pages
      .filter(({ sizeKiB }) => sizeKiB !== baseKiB)
      .map(({ sizeKiB, total, free }) => [`${POOL}${sizeKiB} KiB in cell ${id}`, `${free} free of ${total}`]),
  );
  return {
    'online CPUs': online.toString(),
    ...(local?.vmCpus !== undefined && { 'CPUs available to VMs': local.vmCpus.toString() }),
    ...(local?.vmMemoryCells !== undefined && {
      'cells with memory available to VMs': local.vmMemoryCells.toString(),
    }),
    'isolated CPUs': local?.isolatedCpus?.toString() || NONE,
    'CPU topology': topologyHash(topology),
    ...Object.fromEntries(pools),
  };
}

/** What control groups allow domains that name a partition; libvirt fills in its default if a domain names none. */
function partitionFacts(host: HostFacts, domains: readonly DomainState[]): Facts {
  const views = domains.flatMap(({ live, inactive }) => [live?.facts ?? [], inactive?.facts ?? []].flat());
  const named = new Set(views.flatMap(({ partition }) => partition ?? []));
  return Object.fromEntries(
    [...named].sort().flatMap((partition) => {
      const allowed = allowedText(hostOfDomain(host, { partition }));
      return allowed === allowedText(host) ? [] : [[`partition ${partition}`, allowed]];
    }),
  );
}

const allowedText = ({ local }: HostFacts): string =>
  `CPUs ${local?.vmCpus ?? 'all'}, memory of cells ${local?.vmMemoryCells ?? 'all'}`;

/** Without page pools, which are separate facts, and memory sizes. */
function topologyHash({ cells }: HostTopology): string {
  const laidOut = cells.map(({ id, distances, cpus }) => [
    id,
    [...distances],
    cpus.map(({ siblings, ...cpu }) => ({ ...cpu, siblings: siblings.toString() })),
  ]);
  return hash('sha256', JSON.stringify(laidOut)).slice(0, 16);
}

/**
 * What a domain claims of the host, running or at its next boot. Claims that are the same in both are listed once, so
 * that a start or a shutdown alone changes nothing here: its pages show in the pools.
 */
function domainFacts({ live, inactive }: DomainState): Facts {
  const views = [live?.facts, inactive?.facts].flatMap((facts) =>
    facts === undefined ? [] : [claimsOf(facts)],
  );
  const keys = [...new Set(views.flatMap((view) => Object.keys(view)))];
  return Object.fromEntries(
    keys.map((key) => [key, [...new Set(views.map((view) => view[key] ?? NONE))].join(', next boot ')]),
  );
}

function claimsOf({ cpu, memory, tuned }: DomainFacts): Facts {
  return {
    vCPUs: `${cpu.vcpusCurrent ?? '?'} of ${cpu.vcpusMaximum ?? '?'}`,
    'vCPU set': text(cpu.cpuSet),
    'vCPU pins': pinsText(cpu.vcpuPins),
    'emulator pin': text(cpu.emulatorPin),
    'iothread pins': pinsText(cpu.ioThreadPins),
    'guest cells': String(cpu.cells.length),
    memory: `${memory.maximumKiB ?? '?'} KiB`,
    hugepages:
      memory.pageRules.map(({ sizeKiB, guestCells }) => `${sizeKiB} for ${text(guestCells)}`).join(' ') ||
      NONE,
    'NUMA memory': `${memory.numaMode ?? NONE} ${text(memory.numaNodeset)} ${pinsText(memory.memNodes)}`,
    mark: markText(tuned),
  };
}

const text = (cpus: CpuSet | undefined): string => cpus?.toString() ?? NONE;

function pinsText(pins: ReadonlyMap<number, CpuSet>): string {
  const sorted = [...pins].sort(([a], [b]) => a - b);
  return sorted.map(([id, cpus]) => `${id}:${cpus}`).join(' ') || NONE;
}

const markText = (mark: TunedMark | undefined): string =>
  mark === undefined ? NONE : `${mark.profile} ${mark.version} of ${mark.id}`;

/** What has changed, in words; empty while the plan is still valid. */
export function movedSince(before: PlanBasis, now: PlanBasis): string[] {
  const uuids = [...new Set([...Object.keys(before.domains), ...Object.keys(now.domains)])];
  return [
    ...differences('the host', before.host, now.host),
    ...uuids.flatMap((uuid) => {
      const [was, is] = [before.domains[uuid], now.domains[uuid]];
      const name = `domain ${JSON.stringify((is ?? was)?.name)}`;
      if (was === undefined) return [`${name} is new`];
      return is === undefined ? [`${name} no longer exists`] : differences(name, was.facts, is.facts);
    }),
  ];
}

function differences(what: string, was: Facts, is: Facts): string[] {
  const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return keys.flatMap((key) => {
    const [before, now] = [was[key] ?? NONE, is[key] ?? NONE];
    return before === now ? [] : [`${what}: ${key} had ${before}, now ${now}`];
  });
}

/**
 * The old basis, except for what this run has changed itself: these domains, and the pools, which its steps resize and
 * its restarts take pages from. Any other change of the host is not its doing, even while a VM took minutes to restart.
 */
export function withOwnChanges(before: PlanBasis, now: PlanBasis, uuids: readonly string[]): PlanBasis {
  const own = uuids.flatMap((uuid) => {
    const is = now.domains[uuid];
    return is === undefined ? [] : [[uuid, is] as const];
  });
  return {
    host: { ...factsOf(before.host, (what) => !isPool(what)), ...factsOf(now.host, isPool) },
    domains: { ...before.domains, ...Object.fromEntries(own) },
  };
}

const isPool = (what: string): boolean => what.startsWith(POOL);

const factsOf = (facts: Facts, which: (what: string) => boolean): Facts =>
  Object.fromEntries(Object.entries(facts).filter(([what]) => which(what)));

/** Only domains that are not listed, and nothing of the host. */
export function others({ domains }: PlanBasis, uuids: readonly string[]): PlanBasis {
  return {
    host: {},
    domains: Object.fromEntries(Object.entries(domains).filter(([uuid]) => !uuids.includes(uuid))),
  };
}
