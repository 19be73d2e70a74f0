import { Residency, type VmTick } from '../../advice/residency.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { scaled } from '../../model/catalogue/metric.ts';
import { hasFiguresOf } from '../../model/missing.ts';
import type { Instant } from '../../model/rates.ts';
import { memoryUsedKiB } from '../../model/stats/types.ts';
import { kibToBytes } from '../../model/units.ts';
import { latencyMs, vmRatesOf } from '../../model/vm-rates.ts';
import type { DomainSample, HostSample } from '../../sampler/host-sample.ts';
import { type DomainChange, RateTracker } from '../../sampler/rate-tracker.ts';
import type { Finding } from './finding.ts';
import { findingsOf } from './findings.ts';
import { History, type Reading } from './history.ts';
import { type HostContext, hostContextOf } from './host-context.ts';
import type { HostView } from './host-view.ts';
import { reasonsOf } from './reasons.ts';
import type { Vm } from './vm.ts';

export interface HostModelOptions {
  readonly name: string;
  readonly uri: string;
  readonly groups: ReadonlySet<GroupName>;
  /** Points of history for each VM. */
  readonly points?: number | undefined;
}

/** Turns the samples of one host, in their order, into what can be shown of it. */
export class HostModel {
  readonly #options: HostModelOptions;
  readonly #history: History;
  readonly #residency = new Residency();
  readonly #tracker = new RateTracker();
  #view: HostView;

  constructor(options: HostModelOptions) {
    this.#options = options;
    this.#history = new History(options.points);
    this.#view = {
      name: options.name,
      uri: options.uri,
      sample: undefined,
      down: undefined,
      rates: undefined,
      vms: [],
      history: this.#history,
      residency: this.#residency,
    };
  }

  get view(): HostView {
    return this.#view;
  }

  /** Takes in the next sample; the views before it stay as they were, but for the history. */
  ingest(sample: HostSample): HostView {
    const { name } = this.#options;
    const { host: rates, domains } = this.#tracker.next(sample);
    const host = hostContextOf(sample, this.#options.uri);
    const vms = sample.domains.map(
      (domain, index) => new VmFigures(this.#options, domain, domains[index], host),
    );
    this.#remember(sample, vms);
    this.#view = { ...this.#view, name, sample, rates, vms, down: undefined };
    return this.#view;
  }

  /** The host cannot be asked: what was seen last stays, and says how old it is. */
  fail(error: Error, atMs: number): HostView {
    this.#view = { ...this.#view, down: { error, sinceMs: this.#view.down?.sinceMs ?? atMs } };
    return this.#view;
  }

  #remember(sample: HostSample, vms: readonly Vm[]): void {
    this.#history.start(sample.startedAtMs, new Set(vms.map((vm) => vm.key)));
    const ticks: VmTick[] = [];
    for (const vm of vms) {
      if (vm.sample.domain.id === -1) continue;
      this.#history.add(vm.key, readingOf(vm));
      if (vm.rates === undefined) continue;
      const { vcpus } = vm.rates;
      let delayNs = 0;
      for (const each of vcpus.values()) delayNs += each.delayNs ?? 0;
      ticks.push({
        key: vm.key,
        delay: delayNs / 1e9,
        vcpus: (vm.sample.summary.places ?? []).map(({ vcpu, cpu }) => ({
          vcpu,
          cpu,
          run: (vcpus.get(vcpu)?.timeNs ?? 0) / 1e9,
        })),
      });
    }
    this.#residency.add(ticks);
  }
}

class VmFigures implements Vm {
  readonly key: string;
  readonly host: string;
  readonly sample: DomainSample;
  readonly rates: Vm['rates'];
  readonly total: Vm['total'];
  readonly #before: Instant | undefined;
  readonly #groups: ReadonlySet<GroupName>;
  #reasons: Vm['reasons'] | undefined;
  readonly #host: HostContext;
  #findings: readonly Finding[] | undefined;

  constructor(
    { name, groups }: HostModelOptions,
    sample: DomainSample,
    change: DomainChange | undefined,
    host: HostContext,
  ) {
    this.key = `${name}/${sample.domain.uuid}`;
    this.host = name;
    this.sample = sample;
    this.rates = change?.rates;
    this.total = vmRatesOf(change?.rates, change?.cpuUsage);
    this.#before = change?.before;
    this.#groups = groups;
    this.#host = host;
  }

  get name(): string {
    return this.sample.domain.name;
  }

  get facts(): Vm['facts'] {
    return this.sample.facts;
  }

  get stats(): Vm['stats'] {
    return this.sample.outcome.kind === 'fresh' ? this.sample.outcome.stats : undefined;
  }

  get reasons(): Vm['reasons'] {
    this.#reasons ??= reasonsOf(this.sample, this.#groups);
    return this.#reasons;
  }

  hadBefore(group: string): boolean {
    return this.rates !== undefined && this.#before !== undefined && hasFiguresOf(group, this.#before.stats);
  }

  get cellOf(): Vm['cellOf'] {
    return this.#host.cellOf;
  }

  get findings(): readonly Finding[] {
    this.#findings ??= findingsOf(this, this.#host);
    return this.#findings;
  }
}

function readingOf(vm: Vm): Reading {
  const { stats } = vm;
  const { cpuUsage, steal, disk, net } = vm.total;
  const usedKiB = stats && memoryUsedKiB(stats.balloon);
  return {
    cpu: cpuUsage,
    steal,
    memoryUsed: scaled(usedKiB, kibToBytes),
    memoryGiven: scaled(vm.sample.summary.memoryKiB, kibToBytes),
    readBytes: disk.readBytes,
    writeBytes: disk.writeBytes,
    readRequests: disk.readRequests,
    writeRequests: disk.writeRequests,
    readLatency: latencyMs(disk.readNs, disk.readRequests),
    writeLatency: latencyMs(disk.writeNs, disk.writeRequests),
    receiveBytes: net.rxBytes,
    transmitBytes: net.txBytes,
  };
}
