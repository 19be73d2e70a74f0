import { CpuSet } from '../model/cpu-set.ts';
import { isHurtBySwap } from '../model/host-rates.ts';
import { onlineCpus } from '../model/topology.ts';
import { type HostSample, steadyStartMs } from '../sampler/host-sample.ts';
import type { SampleRates } from '../sampler/rate-tracker.ts';
import type { HostObservation } from './observation.ts';
import { Residency } from './residency.ts';
import { Series } from './series.ts';
import { VmWindow } from './vm-window.ts';

/** Collects the samples of one host, in order, into an observation. */
export class HostWindow {
  readonly residency: Residency;
  readonly #uri: string;
  readonly #max: number;
  readonly #groups: ReadonlySet<string>;
  readonly #vms = new Map<string, VmWindow>();
  readonly #busyCpus: Series;
  readonly #memoryPressure: Series;
  readonly #ioPressure: Series;
  readonly #swapInPages: Series;
  readonly #swapHurts: Series;
  /** Monotonic clock. */
  readonly #timesMs: number[] = [];
  #newest: HostSample | undefined;

  /** `max`: samples to keep. `groups`: those that were requested, so that a missing figure has a reason. */
  constructor(options: {
    readonly uri: string;
    readonly groups: ReadonlySet<string>;
    readonly max?: number | undefined;
  }) {
    const { uri, groups, max = Number.POSITIVE_INFINITY } = options;
    this.#uri = uri;
    this.#groups = groups;
    this.#max = max;
    this.residency = new Residency(max);
    this.#busyCpus = new Series(max);
    this.#memoryPressure = new Series(max);
    this.#ioPressure = new Series(max);
    this.#swapInPages = new Series(max);
    this.#swapHurts = new Series(max);
  }

  /** Adds the next sample and its rates since the previous one. */
  add(sample: HostSample, { host, domains }: SampleRates): void {
    this.#newest = sample;
    const known = new Set<string>();
    sample.domains.forEach((domain, index) => {
      const { uuid, id } = domain.domain;
      known.add(uuid);
      let vm = this.#vms.get(uuid);
      // Another run has different counters, and may have other devices and pins.
      if (vm === undefined || vm.runId !== id) {
        vm = new VmWindow(id, this.#max);
        this.#vms.set(uuid, vm);
      }
      vm.add(domain, domains[index], this.#groups);
    });
    for (const uuid of this.#vms.keys()) if (!known.has(uuid)) this.#vms.delete(uuid);
    if (host === undefined && domains.every(({ rates }) => rates === undefined)) return;
    this.#timesMs.push(steadyStartMs(sample));
    if (this.#timesMs.length > this.#max) this.#timesMs.shift();
    const busy = host?.cpu?.busy;
    const online = sample.host?.cpusOnline;
    if (busy !== undefined && online !== undefined) this.#busyCpus.add(busy * online);
    this.#memoryPressure.add(host?.pressure.get('memory')?.some);
    this.#ioPressure.add(host?.pressure.get('io')?.some);
    this.#swapInPages.add(host?.swapIn);
    if (host?.swapIn !== undefined) this.#swapHurts.add(isHurtBySwap(host) ? 1 : 0);
    this.residency.add([...this.#vms].flatMap(([uuid, vm]) => vm.placesNow(uuid)));
  }

  /** Undefined before the first sample. */
  get observation(): HostObservation | undefined {
    const newest = this.#newest;
    if (newest === undefined) return undefined;
    const topology = newest.host?.topology;
    const toMs = newest.startedAtMs;
    const newestMs = steadyStartMs(newest);
    return {
      uri: this.#uri,
      samples: this.#timesMs.length,
      // Monotonic length, so that setting the wall clock does not change the window.
      fromMs: toMs - (newestMs - (this.#timesMs[0] ?? newestMs)),
      toMs,
      newest,
      cpus: cpusOf(newest),
      isolated: newest.host?.local?.isolatedCpus,
      vmCpus: newest.host?.local?.vmCpus,
      cellOf: new Map(
        topology?.cells.flatMap((cell) => cell.cpus.map((cpu) => [cpu.id, cell.id] as const)) ?? [],
      ),
      host: {
        busyCpus: this.#busyCpus,
        memoryPressure: this.#memoryPressure,
        ioPressure: this.#ioPressure,
        swapInPages: this.#swapInPages,
        swapHurts: this.#swapHurts,
      },
      vms: newest.domains.flatMap(({ domain }) => this.#vms.get(domain.uuid)?.observed ?? []),
      residency: this.residency,
    };
  }
}

function cpusOf({ host }: HostSample): CpuSet | undefined {
  if (host?.topology !== undefined) {
    const online = onlineCpus(host.topology);
    if (online.size > 0) return online;
  }
  return host?.cpusOnline === undefined
    ? undefined
    : CpuSet.of(Array.from({ length: host.cpusOnline }, (_, cpu) => cpu));
}
