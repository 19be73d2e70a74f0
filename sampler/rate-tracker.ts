import { nextReport } from '../model/guest-report.ts';
import { type HostRates, hostRates } from '../model/host-rates.ts';
import type { Contention } from '../model/overcommit.ts';
import { type CpuTime, cpuUsage, type DomainRates, domainRates, type Instant } from '../model/rates.ts';
import { ContentionTracker } from './contention-tracker.ts';
import { type DomainSample, type HostSample, steadyMs, steadyStartMs } from './host-sample.ts';

/** What changed between two samples of one host, per second. Absent in the first. */
export interface SampleRates {
  readonly host: HostRates | undefined;
  readonly contention: Contention | undefined;
  /** Of each domain, in the order of the sample. */
  readonly domains: readonly DomainChange[];
}

export interface DomainChange {
  /** Absent in the first sample of a run of the VM, and while it does not answer. */
  readonly rates: DomainRates | undefined;
  /** CPU seconds per second; known even for a VM whose QEMU hangs. */
  readonly cpuUsage: number | undefined;
  /** The earlier instant that the rates are computed from; its times are on the monotonic clock. */
  readonly before: Instant | undefined;
}

/** What is remembered of a VM from the previous sample. */
interface Remembered {
  readonly instant: Instant | undefined;
  readonly cpu: (CpuTime & { readonly runId: number }) | undefined;
}

/** Computes rates between the samples of one reader, whatever samples others take in between. */
export class RateTracker {
  #sample: HostSample | undefined;
  readonly #contention = new ContentionTracker();
  #known = new Map<string, Remembered>();

  /** The rates since the previous sample. */
  next(sample: HostSample): SampleRates {
    const earlier = this.#sample;
    const elapsedMs = earlier === undefined ? 0 : steadyStartMs(sample) - steadyStartMs(earlier);
    const known = new Map<string, Remembered>();
    const domains = sample.domains.map((domain) => {
      const before = this.#known.get(domain.domain.uuid);
      const { change, remember } = changeOf(sample, domain, before);
      known.set(domain.domain.uuid, remember);
      return change;
    });
    const rates: SampleRates = {
      host:
        earlier?.host === undefined || sample.host === undefined
          ? undefined
          : hostRates(earlier.host, sample.host, elapsedMs),
      contention: this.#contention.next(sample),
      domains,
    };
    this.#known = known;
    this.#sample = sample;
    return rates;
  }
}

function changeOf(
  host: HostSample,
  sample: DomainSample,
  before: Remembered | undefined,
): { change: DomainChange; remember: Remembered } {
  const earlier = staleInstant(before, sample);
  const instant = instantOf(host, sample, earlier);
  const cpu = cpuOf(host, sample);
  const rates = instant && before?.instant && domainRates(before.instant, instant);
  const usage =
    rates?.cpuUsage ?? (before?.cpu?.runId === cpu?.runId ? cpuUsage(before?.cpu, cpu) : undefined);
  return {
    change: { rates, cpuUsage: usage, before: before?.instant },
    remember: { instant: instant ?? earlier, cpu },
  };
}

function instantOf(
  host: HostSample,
  sample: DomainSample,
  earlier: Instant | undefined,
): Instant | undefined {
  const { domain, outcome } = sample;
  if (outcome.kind !== 'fresh') return undefined;
  const atMs = steadyMs(host, outcome.atMs);
  return {
    stats: outcome.stats,
    atMs,
    runId: domain.id,
    cpu: cpuOf(host, sample),
    report: nextReport(earlier?.report, outcome.stats.balloon, atMs, earlier && atMs - earlier.atMs),
  };
}

function cpuOf(host: HostSample, { domain, summary }: DomainSample): Remembered['cpu'] {
  const { cpuTimeNs, cpuTimeAtMs } = summary;
  return cpuTimeNs === undefined || cpuTimeAtMs === undefined
    ? undefined
    : { timeNs: cpuTimeNs, atMs: steadyMs(host, cpuTimeAtMs), runId: domain.id };
}

/** A VM that was late is compared with its last report before that. */
function staleInstant(before: Remembered | undefined, { domain }: DomainSample): Instant | undefined {
  return before?.instant?.runId === domain.id ? before.instant : undefined;
}
