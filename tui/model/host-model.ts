import { HostWindow } from '../../advice/host-window.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { scaled } from '../../model/catalogue/metric.ts';
import { hasFiguresOf } from '../../model/missing.ts';
import type { Instant } from '../../model/rates.ts';
import { memoryUsedKiB } from '../../model/stats/types.ts';
import { kibToBytes } from '../../model/units.ts';
import { latencyMs, vmRatesOf } from '../../model/vm-rates.ts';
import { type DomainSample, type HostSample, steadyStartMs } from '../../sampler/host-sample.ts';
import { type DomainChange, RateTracker } from '../../sampler/rate-tracker.ts';
import type { Finding } from './finding.ts';
import { History, type Reading } from './history.ts';
import { HostAdvice } from './host-advice.ts';
import type { HostView } from './host-view.ts';
import { reasonsOf } from './reasons.ts';
import type { Vm } from './vm.ts';

export interface HostModelOptions {
  readonly name: string;
  readonly uri: string;
  readonly groups: ReadonlySet<GroupName>;
  /** Points of history for each VM. */
  readonly points?: number | undefined;
  /** How long advice is cached before it is recomputed from newer samples; when absent 0, in each sample. */
  readonly adviceMs?: number | undefined;
}

/** Number of samples that advice is computed from. */
const WINDOW = 30;

const NO_CELLS: ReadonlyMap<number, number> = new Map();

/** Builds the views of one host from its samples, in order. */
export class HostModel {
  readonly #options: HostModelOptions;
  readonly #history: History;
  readonly #window: HostWindow;
  readonly #tracker = new RateTracker();
  /** VM states when the cached advice was computed, and when that was. */
  #advised: { readonly states: string; readonly atMs: number } | undefined;
  #view: HostView;

  constructor(options: HostModelOptions) {
    this.#options = options;
    this.#history = new History(options.points);
    this.#window = new HostWindow({ uri: options.uri, groups: options.groups, max: WINDOW });
    this.#view = {
      name: options.name,
      uri: options.uri,
      sample: undefined,
      down: undefined,
      rates: undefined,
      vms: [],
      history: this.#history,
      residency: this.#window.residency,
      advice: new HostAdvice(undefined),
    };
  }

  get view(): HostView {
    return this.#view;
  }

  /** Adds the next sample; earlier views stay unchanged, except for the shared history. */
  ingest(sample: HostSample): HostView {
    const { name } = this.#options;
    const change = this.#tracker.next(sample);
    this.#window.add(sample, change);
    const { host: rates, domains } = change;
    const advice = this.#adviceFor(sample);
    const vms = sample.domains.map(
      (domain, index) => new VmFigures(this.#options, domain, domains[index], advice),
    );
    this.#remember(sample, vms);
    this.#view = { ...this.#view, name, sample, rates, vms, advice, down: undefined };
    return this.#view;
  }

  /** Marks the host as down: its last figures stay, with their age. */
  fail(error: Error, atMs: number): HostView {
    this.#view = { ...this.#view, down: { error, sinceMs: this.#view.down?.sinceMs ?? atMs } };
    return this.#view;
  }

  /** Reuses the cached advice while it is recent and complete, and no VM has changed state. */
  #adviceFor(sample: HostSample): HostAdvice {
    const { adviceMs = 0 } = this.#options;
    const { advice } = this.#view;
    const atMs = steadyStartMs(sample);
    const states = sample.domains
      .map(({ domain, summary, outcome }) => `${domain.uuid} ${domain.id} ${summary.state} ${outcome.kind}`)
      .join();
    const known = this.#advised;
    if (known !== undefined && known.states === states && atMs - known.atMs < adviceMs && advice.isComplete)
      return advice;
    this.#advised = { states, atMs };
    return new HostAdvice(this.#window.observation);
  }

  #remember(sample: HostSample, vms: readonly Vm[]): void {
    this.#history.start(steadyStartMs(sample), new Set(vms.map((vm) => vm.key)));
    for (const vm of vms) if (vm.sample.domain.id !== -1) this.#history.add(vm.key, readingOf(vm));
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
  readonly #advice: HostAdvice;

  constructor(
    { name, groups }: HostModelOptions,
    sample: DomainSample,
    change: DomainChange | undefined,
    advice: HostAdvice,
  ) {
    this.key = `${name}/${sample.domain.uuid}`;
    this.host = name;
    this.sample = sample;
    this.rates = change?.rates;
    this.total = vmRatesOf(change?.rates, change?.cpuUsage);
    this.#before = change?.before;
    this.#groups = groups;
    this.#advice = advice;
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
    return this.#advice.observation?.cellOf ?? NO_CELLS;
  }

  get findings(): readonly Finding[] {
    return this.#advice.of(this.sample.domain.uuid);
  }

  get areFindingsComplete(): boolean {
    // A VM that is off has no load.
    return this.#advice.isComplete || this.sample.domain.id === -1;
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
