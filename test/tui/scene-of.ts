import type { Domain } from '../../libvirt/wire/types.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import type { HostFigures } from '../../model/host.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { parseCapabilities } from '../../model/topology.ts';
import type { DomainSample, HostSample, Outcome } from '../../sampler/host-sample.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import type { HostView } from '../../tui/model/host-view.ts';

/** A host of two cells with four CPUs each. */
const TOPOLOGY = parseCapabilities(
  `<capabilities><host><topology><cells>${[0, 1]
    .map(
      (cell) =>
        `<cell id='${cell}'><memory unit='KiB'>8388608</memory><cpus>${[0, 1, 2, 3]
          .map(
            (cpu) =>
              `<cpu id='${cell * 4 + cpu}' socket_id='${cell}' die_id='0' core_id='${cpu}' siblings='${cell * 4 + cpu}'/>`,
          )
          .join('')}</cpus></cell>`,
    )
    .join('')}</cells></topology></host></capabilities>`,
);

export interface VmSpec {
  readonly name?: string;
  readonly id?: number;
  readonly xml?: string;
  readonly figures?: Readonly<Record<string, number | string>> | undefined;
  readonly cpuTimeNs?: number;
  readonly state?: number;
  readonly reason?: number;
  readonly outcome?: Outcome['kind'];
  readonly more?: Partial<DomainSample>;
}

function domainSample(spec: VmSpec, atMs: number): DomainSample {
  const {
    name = 'vm',
    id = 1,
    xml = '',
    figures = {},
    cpuTimeNs,
    state = 1,
    reason,
    outcome = 'fresh',
  } = spec;
  const domain: Domain = { name, id, uuid: `uuid-of-${name}` };
  const facts = parseDomain(
    `<domain><name>x</name>${/<vcpu[ >]/.test(xml) ? '' : '<vcpu>2</vcpu>'}${xml}</domain>`,
  );
  const params = Object.entries(figures).map(([field, value]) => ({ field, type: 1, value }));
  return {
    domain,
    facts,
    summary: {
      uuid: domain.uuid,
      state,
      reason,
      maximumKiB: facts.memory.maximumKiB,
      memoryKiB: facts.memory.currentKiB,
      vcpus: facts.cpu.vcpusCurrent,
      rssKiB: figures['balloon.rss'] === undefined ? undefined : Number(figures['balloon.rss']),
      cpuTimeNs,
      cpuTimeAtMs: cpuTimeNs === undefined ? undefined : atMs,
      userNs: undefined,
      systemNs: undefined,
      marks: undefined,
    },
    outcome: outcomeOf(outcome, params as Parameters<typeof readDomainStats>[0], atMs),
    lastFreshAtMs: atMs,
    ...spec.more,
  };
}

function outcomeOf(
  kind: Outcome['kind'],
  params: Parameters<typeof readDomainStats>[0],
  atMs: number,
): Outcome {
  switch (kind) {
    case 'fresh':
      return { kind, stats: readDomainStats(params), atMs };
    case 'unresponsive':
      return { kind, sinceMs: atMs - 5_000 };
    case 'error':
      return { kind, error: new Error('it broke') };
    case 'late':
      return { kind };
  }
}

const HOST: HostFigures = {
  topology: TOPOLOGY,
  cpusOnline: 8,
  cpusPresent: 8,
  cpuNs: new Map(),
  memoryKiB: new Map([
    ['total', 16_777_216],
    ['free', 8_388_608],
  ]),
  cells: [],
  ksm: new Map(),
  pools: [],
  local: undefined,
};

export function hostSample(
  atMs: number,
  specs: readonly VmSpec[],
  more: Partial<HostSample> = {},
): HostSample {
  return {
    startedAtMs: atMs,
    durationMs: 5,
    domains: specs.map((spec) => domainSample(spec, atMs)),
    versions: { libvirt: 9_000_000, hypervisor: 7_002_000 },
    host: HOST,
    ...more,
  };
}

/** The view after these samples, one second apart. */
export function viewAfter(...ticks: readonly (readonly VmSpec[])[]): HostView {
  const model = new HostModel({ name: 'host', uri: 'qemu:///system', groups: DEFAULT_GROUPS });
  ticks.forEach((specs, tick) => {
    model.ingest(hostSample(tick * 1_000, specs));
  });
  return model.view;
}
