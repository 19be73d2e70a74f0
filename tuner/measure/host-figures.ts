import { DomainState } from '../../libvirt/constants.ts';
import type { BlockStats, DomainStats } from '../../model/stats/types.ts';
import { eitherSum } from '../../model/vm-rates.ts';
import type { DomainSample, HostSample, Outcome } from '../../sampler/host-sample.ts';
import type { StepDomain } from '../steps/step.ts';
import type { FigureKind } from './block-means.ts';
import type { GuardFigure, Reading, Sample } from './figure.ts';
import type { Direction } from './verdict.ts';

/** A figure of a VM that host samples contain. */
export interface HostFigure {
  /** As in documents and the catalogue: libvirt_domain_... */
  readonly name: string;
  readonly kind: FigureKind;
  readonly direction: Direction;
  /** How much worse a value of a VM must be to end an experiment. */
  readonly guard?: Pick<GuardFigure, 'ratio' | 'difference'>;
  read(stats: DomainStats): Pick<Reading, 'value' | 'per'>;
}

export const STEAL = 'libvirt_domain_cpu_steal_ratio';
export const LATENCY = 'libvirt_domain_disk_request_latency_seconds';

const LOWER = 'lower is better';
const HIGHER = 'higher is better';
/** 50 % worse, and by at least five percentage points of CPU time or five milliseconds. */
const MUCH_STEAL = { ratio: 1.5, difference: 0.05 };
const MUCH_LATENCY = { ratio: 1.5, difference: 0.005 };

/**
 * Figures that need no help from the guest. Counters stay counters: a block divides them once. Units are those of the
 * catalogue: seconds, CPUs, shares of time.
 */
export const HOST_FIGURES: readonly HostFigure[] = [
  {
    name: STEAL,
    kind: 'rate',
    direction: LOWER,
    guard: MUCH_STEAL,
    read: ({ vcpus }) => ({ value: seconds(meanOf([...vcpus.values()].map(({ delayNs }) => delayNs))) }),
  },
  {
    name: 'libvirt_domain_cpu_contention_ratio',
    kind: 'quotient',
    direction: LOWER,
    read: ({ vcpus }) => {
      const all = [...vcpus.values()];
      const delayNs = sumOf(all.map((vcpu) => vcpu.delayNs));
      return { value: delayNs, per: sumOf([delayNs, sumOf(all.map(({ timeNs }) => timeNs))]) };
    },
  },
  {
    name: 'libvirt_domain_cpu_usage_cpus',
    kind: 'rate',
    direction: LOWER,
    read: ({ vcpus, cpu }) => ({
      value: seconds(cpu.timeNs ?? sumOf([...vcpus.values()].map(({ timeNs }) => timeNs))),
    }),
  },
  {
    name: LATENCY,
    kind: 'quotient',
    direction: LOWER,
    guard: MUCH_LATENCY,
    read: ({ blocks }) => ({
      value: seconds(ofDisks(blocks, ({ readNs, writeNs }) => eitherSum(readNs, writeNs))),
      per: ofDisks(blocks, ({ readRequests, writeRequests }) => eitherSum(readRequests, writeRequests)),
    }),
  },
  {
    name: 'libvirt_domain_block_stats_flush_latency_seconds',
    kind: 'quotient',
    direction: LOWER,
    read: ({ blocks }) => ({
      value: seconds(ofDisks(blocks, ({ flushNs }) => flushNs)),
      per: ofDisks(blocks, ({ flushRequests }) => flushRequests),
    }),
  },
  {
    name: 'libvirt_domain_disk_requests_per_second',
    kind: 'rate',
    direction: HIGHER,
    read: ({ blocks }) => ({
      value: ofDisks(blocks, ({ readRequests, writeRequests }) => eitherSum(readRequests, writeRequests)),
    }),
  },
];

/** The figure of one VM in a sample of its host; with the reason if it has no value. */
function readingOf(figure: HostFigure, sample: HostSample, uuid: string): Reading {
  const found = sample.domains.find(({ domain }) => domain.uuid === uuid);
  if (found === undefined) return { run: undefined, value: undefined, missing: GONE };
  const run = runOf(found);
  if (run === undefined) return { run, value: undefined, missing: whyNotRunning(found) };
  const { outcome } = found;
  if (outcome.kind !== 'fresh') return { run, value: undefined, missing: whyNotFresh(outcome) };
  const read = figure.read(outcome.stats);
  const isCounted = read.value !== undefined && (figure.kind !== 'quotient' || read.per !== undefined);
  return { run, ...read, missing: isCounted ? undefined : 'libvirt does not report it for this VM' };
}

/** If it migrated, its live settings went with it. */
const GONE = 'it is no longer on this host: undefined, or migrated with the settings that it had';

function whyNotRunning({ domain, summary }: DomainSample): string {
  if (domain.id < 0 || summary.state === DomainState.shutoff) return 'it is shut off';
  if (summary.state === DomainState.crashed) return 'it has crashed';
  return summary.state === DomainState.paused ? 'it is paused' : 'libvirt does not report it as running';
}

function whyNotFresh(outcome: Exclude<Outcome, { kind: 'fresh' }>): string {
  switch (outcome.kind) {
    case 'unresponsive':
      return 'the VM does not answer';
    case 'late':
      return 'libvirt did not answer for the VM in time';
    case 'error':
      return `libvirt reported an error for the VM: ${outcome.error.message}`;
  }
}

/** All figures of these VMs, by UUID and name of the figure. */
export function sampleOf(sample: HostSample, uuids: readonly string[]): Sample {
  return new Map(
    uuids.flatMap((uuid) =>
      HOST_FIGURES.map((figure): [string, Reading] => [keyOf(uuid, figure), readingOf(figure, sample, uuid)]),
    ),
  );
}

/** The key of a VM's figure in such a sample. */
export const keyOf = (uuid: string, { name }: HostFigure): string => `${uuid} ${name}`;

/** The other VMs of the host that run now. */
export function runningOthers({ domains }: HostSample, own: StepDomain): StepDomain[] {
  return domains
    .filter((each) => runOf(each) !== undefined && each.domain.uuid !== own.uuid)
    .map(({ domain: { uuid, name } }) => ({ uuid, name }));
}

/** libvirt's id of the run; undefined while the VM is off or paused. */
function runOf({ domain, summary }: DomainSample): number | undefined {
  if (domain.id < 0) return undefined;
  const { state } = summary;
  const runs = state === undefined || state === DomainState.running || state === DomainState.blocked;
  return runs ? domain.id : undefined;
}

/** Undefined if any value is: a sum without one would fall, and jump when it comes back. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((total, value) =>
    total === undefined || value === undefined ? undefined : total + value,
  );
}

function meanOf(values: readonly (number | undefined)[]): number | undefined {
  const sum = sumOf(values);
  return sum === undefined ? undefined : sum / values.length;
}

function ofDisks(
  blocks: ReadonlyMap<number, BlockStats>,
  of: (disk: BlockStats) => number | undefined,
): number | undefined {
  return sumOf([...blocks.values()].map(of).filter((value) => value !== undefined));
}

const seconds = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / 1e9);
