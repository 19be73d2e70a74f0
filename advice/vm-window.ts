import type { CpuSet } from '../model/cpu-set.ts';
import type { CgroupFigures } from '../model/local.ts';
import type { MissingReason } from '../model/missing.ts';
import type { DomainRates } from '../model/rates.ts';
import { eitherSum, latencyMs, requestLatencyMs, vmRatesOf } from '../model/vm-rates.ts';
import type { DomainSample } from '../sampler/host-sample.ts';
import { missingOf } from '../sampler/missing.ts';
import type { DomainChange } from '../sampler/rate-tracker.ts';
import type { DiskSeries, NicSeries, ObservedVm, PlaceSeries } from './observation.ts';
import { pinOf } from './pins.ts';
import type { VmTick } from './residency.ts';
import { Series } from './series.ts';

/** One run of one VM: adds each sample to its series. */
export class VmWindow {
  /** libvirt's id of the run. */
  readonly runId: number;
  readonly #max: number;
  readonly #series: Pick<
    ObservedVm,
    'runCpus' | 'delayCpus' | 'steal' | 'contention' | 'usedCpus' | 'throttled' | 'guest'
  >;
  readonly #disks = new Map<string, DiskSeries>();
  readonly #nics = new Map<string, NicSeries>();
  #places = new Map<string, PlaceSeries>();
  #sample: DomainSample | undefined;
  #rates: DomainRates | undefined;
  #cgroup: CgroupFigures | undefined;
  #groups: ReadonlySet<string> = new Set();

  /** `max`: values that each series keeps. */
  constructor(runId: number, max: number) {
    this.runId = runId;
    this.#max = max;
    this.#series = {
      ...seriesOf(max, ['runCpus', 'delayCpus', 'steal', 'contention', 'usedCpus', 'throttled']),
      guest: seriesOf(max, ['swapInKiB', 'majorFaults', 'usableShare']),
    };
  }

  add(sample: DomainSample, change: DomainChange | undefined, groups: ReadonlySet<string>): void {
    this.#groups = groups;
    this.#sample = sample;
    const rates = change?.rates;
    this.#rates = rates;
    const total = vmRatesOf(rates, change?.cpuUsage);
    this.#series.usedCpus.add(total.cpuUsage);
    this.#addThrottled(sample.local?.cgroup);
    if (rates === undefined) return;
    this.#series.steal.add(total.steal);
    this.#series.contention.add(total.contention);
    this.#addPlaces(sample, rates);
    this.#addDisks(sample, rates);
    for (const [name, each] of rates.nets) {
      const nic = this.#nics.get(name) ?? seriesOf(this.#max, ['packets', 'drops']);
      nic.packets.add(eitherSum(each.rxPackets, each.txPackets));
      nic.drops.add(eitherSum(each.rxDrops, each.txDrops));
      this.#nics.set(name, nic);
    }
    const { guest } = this.#series;
    guest.swapInKiB.add(total.memory.swapInKiB);
    guest.majorFaults.add(total.memory.majorFaults);
    if (sample.outcome.kind !== 'fresh') return;
    const { usableKiB, availableKiB } = sample.outcome.stats.balloon;
    if (usableKiB !== undefined && availableKiB !== undefined && availableKiB > 0)
      guest.usableShare.add(usableKiB / availableKiB);
  }

  get observed(): ObservedVm | undefined {
    const sample = this.#sample;
    if (sample === undefined) return undefined;
    return {
      uuid: sample.domain.uuid,
      name: sample.domain.name,
      sample,
      facts: sample.facts,
      running: sample.domain.id !== -1,
      vcpus: sample.summary.vcpus ?? 0,
      places: [...this.#places.values()],
      ...this.#series,
      disks: this.#disks,
      nics: this.#nics,
      missing: new Map<string, MissingReason>(
        missingOf(sample, this.#groups).map(({ group, reason }) => [group, reason]),
      ),
    };
  }

  /** Where its vCPUs are now, and how long they ran and waited since the previous sample; empty without rates. */
  placesNow(uuid: string): VmTick[] {
    const rates = this.#rates;
    if (rates === undefined) return [];
    let delayNs = 0;
    for (const { delayNs: ns } of rates.vcpus.values()) delayNs += ns ?? 0;
    return [
      {
        key: uuid,
        delay: delayNs / 1e9,
        vcpus: (this.#sample?.summary.places ?? []).map(({ vcpu, cpu }) => ({
          vcpu,
          cpu,
          run: (rates.vcpus.get(vcpu)?.timeNs ?? 0) / 1e9,
        })),
      },
    ];
  }

  #addPlaces(sample: DomainSample, rates: DomainRates): void {
    const sums = new Map<string, { cpus: CpuSet | undefined; vcpus: number; run: number; delay: number }>();
    let [run, delay, known] = [0, 0, false];
    for (const [vcpu, { timeNs, delayNs }] of rates.vcpus) {
      if (timeNs === undefined || delayNs === undefined) continue;
      known = true;
      run += timeNs / 1e9;
      delay += delayNs / 1e9;
      const cpus = pinOf(sample, vcpu);
      const key = cpus?.toString() ?? 'anywhere';
      const sum = sums.get(key) ?? { cpus, vcpus: 0, run: 0, delay: 0 };
      sum.vcpus++;
      sum.run += timeNs / 1e9;
      sum.delay += delayNs / 1e9;
      sums.set(key, sum);
    }
    if (known) {
      this.#series.runCpus.add(run);
      this.#series.delayCpus.add(delay);
    }
    // Changed pins start new series: the old figures do not apply to them.
    const places = new Map<string, PlaceSeries>();
    for (const [key, { cpus, vcpus, run: placeRun, delay: placeDelay }] of sums) {
      const before = this.#places.get(key);
      const place = {
        ...(before ?? seriesOf(this.#max, ['runCpus', 'delayCpus'])),
        cpus,
        vcpus,
      };
      place.runCpus.add(placeRun);
      place.delayCpus.add(placeDelay);
      places.set(key, place);
    }
    this.#places = places;
  }

  #addDisks({ limitUses }: DomainSample, rates: DomainRates): void {
    for (const [target, each] of rates.blocks) {
      const disk = this.#disks.get(target) ?? seriesOf(this.#max, DISK_FIGURES);
      disk.requests.add(eitherSum(each.readRequests, each.writeRequests));
      disk.flushes.add(each.flushRequests);
      disk.bytes.add(eitherSum(each.readBytes, each.writeBytes));
      disk.latencyMs.add(requestLatencyMs(each));
      disk.flushLatencyMs.add(latencyMs(each.flushNs, each.flushRequests));
      const ns = eitherSum(eitherSum(each.readNs, each.writeNs), each.flushNs);
      disk.inFlight.add(ns === undefined ? undefined : ns / 1e9);
      disk.errors.add(each.errors);
      const uses = limitUses?.get(target);
      if (uses !== undefined && uses.size > 0) disk.limitUse.add(Math.max(...uses.values()));
      this.#disks.set(target, disk);
    }
  }

  #addThrottled(now: CgroupFigures | undefined): void {
    const before = this.#cgroup;
    this.#cgroup = now;
    const periods = (now?.periods ?? 0) - (before?.periods ?? 0);
    const held = (now?.throttledPeriods ?? 0) - (before?.throttledPeriods ?? 0);
    if (before === undefined || now === undefined || periods <= 0 || held < 0) return;
    this.#series.throttled.add(held / periods);
  }
}

const DISK_FIGURES = [
  'requests',
  'flushes',
  'bytes',
  'latencyMs',
  'flushLatencyMs',
  'inFlight',
  'errors',
  'limitUse',
] as const;

function seriesOf<K extends string>(max: number, names: readonly K[]): Record<K, Series> {
  return Object.fromEntries(names.map((name) => [name, new Series(max)])) as Record<K, Series>;
}
