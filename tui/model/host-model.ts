import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { scaled } from '../../model/catalogue/metric.ts';
import { hostRates } from '../../model/host-rates.ts';
import { hasFiguresOf } from '../../model/missing.ts';
import { type CpuTime, cpuUsage, type DomainRates, domainRates, type Instant } from '../../model/rates.ts';
import { memoryUsedKiB } from '../../model/stats/types.ts';
import { kibToBytes } from '../../model/units.ts';
import type { DomainSample, HostSample } from '../../sampler/host-sample.ts';
import type { Finding } from './finding.ts';
import { findingsOf } from './findings.ts';
import { History, type Reading } from './history.ts';
import { type HostContext, hostContextOf } from './host-context.ts';
import type { HostView } from './host-view.ts';
import { reasonsOf } from './reasons.ts';
import { Residency, type VmTick } from './residency.ts';
import { latencyMs, stealShare, summed, type Vm } from './vm.ts';

export interface HostModelOptions {
  readonly name: string;
  readonly uri: string;
  readonly groups: ReadonlySet<GroupName>;
  /** Points of history for each VM. */
  readonly points?: number | undefined;
}

/** What is remembered of a VM from the sample before. */
interface Before {
  readonly instant: Instant | undefined;
  readonly cpu: (CpuTime & { readonly runId: number }) | undefined;
}

/** Turns the samples of one host, in their order, into what can be shown of it. */
export class HostModel {
  readonly #options: HostModelOptions;
  readonly #history: History;
  readonly #residency = new Residency();
  #before = new Map<string, Before>();
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
    const earlier = this.#view.sample;
    const rates =
      earlier?.host === undefined || sample.host === undefined
        ? undefined
        : hostRates(earlier.host, sample.host, sample.startedAtMs - earlier.startedAtMs);
    const known = new Map<string, Before>();
    const host = hostContextOf(sample, this.#options.uri);
    const vms = sample.domains.map((domain) => {
      const before = this.#before.get(domain.domain.uuid);
      const { vm, remember } = this.#vm(domain, before, host);
      known.set(domain.domain.uuid, remember);
      return vm;
    });
    this.#before = known;
    this.#remember(sample, vms);
    this.#view = { ...this.#view, name, sample, rates, vms, down: undefined };
    return this.#view;
  }

  /** The host cannot be asked: what was seen last stays, and says how old it is. */
  fail(error: Error, atMs: number): HostView {
    this.#view = { ...this.#view, down: { error, sinceMs: this.#view.down?.sinceMs ?? atMs } };
    return this.#view;
  }

  #vm(sample: DomainSample, before: Before | undefined, host: HostContext): { vm: Vm; remember: Before } {
    const instant = instantOf(sample);
    const cpu = cpuOf(sample);
    const rates: DomainRates | undefined = instant && before?.instant && domainRates(before.instant, instant);
    const usage =
      rates?.cpuUsage ?? (before?.cpu?.runId === cpu?.runId ? cpuUsage(before?.cpu, cpu) : undefined);
    const vm = new VmFigures(
      `${this.#options.name}/${sample.domain.uuid}`,
      this.#options.name,
      sample,
      rates,
      usage,
      before?.instant,
      this.#options.groups,
      host,
    );
    return { vm, remember: { instant: instant ?? staleInstant(before, sample), cpu } };
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
  readonly cpuUsage: number | undefined;
  readonly disk: Vm['disk'];
  readonly net: Vm['net'];
  readonly #before: Instant | undefined;
  readonly #groups: ReadonlySet<GroupName>;
  #reasons: Vm['reasons'] | undefined;
  readonly #host: HostContext;
  #findings: readonly Finding[] | undefined;

  constructor(
    key: string,
    host: string,
    sample: DomainSample,
    rates: Vm['rates'],
    usage: number | undefined,
    before: Instant | undefined,
    groups: ReadonlySet<GroupName>,
    facts: HostContext,
  ) {
    this.key = key;
    this.host = host;
    this.sample = sample;
    this.rates = rates;
    this.cpuUsage = usage;
    this.disk = summed(rates?.blocks.values() ?? []);
    this.net = summed(rates?.nets.values() ?? []);
    this.#before = before;
    this.#groups = groups;
    this.#host = facts;
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

function instantOf({ domain, summary, outcome }: DomainSample): Instant | undefined {
  if (outcome.kind !== 'fresh') return undefined;
  const { cpuTimeNs, cpuTimeAtMs } = summary;
  return {
    stats: outcome.stats,
    atMs: outcome.atMs,
    runId: domain.id,
    cpu:
      cpuTimeNs === undefined || cpuTimeAtMs === undefined
        ? undefined
        : { timeNs: cpuTimeNs, atMs: cpuTimeAtMs },
  };
}

function cpuOf({ domain, summary }: DomainSample): Before['cpu'] {
  const { cpuTimeNs, cpuTimeAtMs } = summary;
  return cpuTimeNs === undefined || cpuTimeAtMs === undefined
    ? undefined
    : { timeNs: cpuTimeNs, atMs: cpuTimeAtMs, runId: domain.id };
}

/** A VM that was late once is compared with what it said before that. */
function staleInstant(before: Before | undefined, { domain }: DomainSample): Instant | undefined {
  return before?.instant?.runId === domain.id ? before.instant : undefined;
}

function readingOf(vm: Vm): Reading {
  const { disk, net, stats } = vm;
  const usedKiB = stats && memoryUsedKiB(stats.balloon);
  return {
    cpu: vm.cpuUsage,
    steal: stealShare(vm),
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
