import { RemoteError } from '../../libvirt/errors.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { Subjects } from '../../model/catalogue/metric.ts';
import type { DomainRates } from '../../model/rates.ts';
import { msToSeconds } from '../../model/units.ts';
import { versionText } from '../../model/versions.ts';
import { vmRatesOf } from '../../model/vm-rates.ts';
import type { DomainSample, HostIdentity, HostSample } from '../../sampler/host-sample.ts';
import { missingOf } from '../../sampler/missing.ts';
import { type DomainChange, RateTracker, type SampleRates } from '../../sampler/rate-tracker.ts';
import { hostIdOf } from '../sampling/host-id.ts';
import { STATE_WORDS } from '../series/families.ts';
import { type DocumentHead, documentHead, type HeadOptions } from './document-head.ts';
import { FigureWriters } from './figures.ts';
import type { CompatStreamName, StreamName } from './streams.ts';

/** Yield to the event loop after this much JSON, about 2 ms: thousands of VMs must not block a scrape. */
export const CHARS_PER_TURN = 64 * 1024;

/** A document to be delivered. */
export interface Document {
  readonly stream: StreamName | CompatStreamName;
  /** Unique within the stream, together with host and timestamp. */
  readonly key: string;
  /** JSON, on one line. */
  readonly body: string;
}

export interface DocumentsOptions extends HeadOptions {
  readonly groups: ReadonlySet<GroupName>;
  /** Instead of the UUID that libvirt reports. */
  readonly hostId?: string | undefined;
  /** Called once for each field that no mapping has. */
  readonly unknown: (field: string) => void;
}

/** Turns samples into documents: one for the host, one per VM, one per device. */
export class Documents {
  readonly #options: DocumentsOptions;
  readonly #figures: FigureWriters;
  readonly #rates = new RateTracker();

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.#figures = new FigureWriters(options.groups, options.unknown);
  }

  /** The id of this host; undefined while it is unknown, and then there are no documents of it. */
  hostId(identity: HostIdentity | undefined): string | undefined {
    return hostIdOf(this.#options.hostId, identity);
  }

  /**
   * Lazy, so that the writer can yield between two VMs. Rates cover the time since the previous sample.
   * @param atMs when the sample was due
   */
  *of(sample: HostSample, atMs: number): Generator<Document> {
    const rates = this.#rates.next(sample);
    const head = this.head(atMs, sample.identity);
    if (head === undefined) return;
    yield* this.#ofHost(head, sample, rates);
    for (const [index, domain] of sample.domains.entries()) {
      yield* this.#ofDomain(head, domain, sample.startedAtMs, rates.domains[index]);
    }
  }

  /** For a tick in which the host could not be sampled. */
  *ofFailure(atMs: number, startMs: number, identity: HostIdentity | undefined): Generator<Document> {
    const head = this.head(atMs, identity);
    if (head !== undefined)
      yield { stream: 'host', key: '', body: `${head('host', startMs)},"libvirt_up":0}` };
  }

  /** The head of documents of this host and timestamp; undefined while the host is not identified. */
  head(atMs: number, identity: HostIdentity | undefined): DocumentHead | undefined {
    const id = this.hostId(identity);
    return id === undefined ? undefined : documentHead(this.#options, atMs, { id, name: identity?.hostname });
  }

  *#ofHost(head: DocumentHead, sample: HostSample, rates: SampleRates): Generator<Document> {
    const { host, overcommit, versions, startedAtMs } = sample;
    const devices = new Map<string, { stream: StreamName; device: string; text: string }>();
    const toDevice = (stream: StreamName, device: string, text: string): void => {
      const id = `${stream} ${device}`;
      const known = devices.get(id);
      if (known === undefined) devices.set(id, { stream, device, text });
      else known.text += text;
    };
    const { hypervisor, libvirt } = versions ?? {};
    let text = `${head('host', startedAtMs)},"event.duration":${Math.round(sample.durationMs * 1e6)},"libvirt_up":1,"libvirt_domains":${sample.domains.length}`;
    text += `,"virtune_sample_duration_seconds":${msToSeconds(sample.durationMs)}`;
    if (hypervisor !== undefined)
      text += `,"libvirt_versions_info.hypervisor_running":"${versionText(hypervisor)}"`;
    if (libvirt !== undefined) text += `,"libvirt_versions_info.libvirtd_running":"${versionText(libvirt)}"`;
    if (host !== undefined) {
      text += this.#figures.write('host', host, toDevice);
      for (const cell of host.cells) toDevice('cell', String(cell.id), this.#figures.write('cell', cell));
      for (const pool of host.pools) toDevice('pool', pool.name, this.#figures.write('pool', pool));
    }
    if (overcommit !== undefined) text += this.#figures.write('overcommit', overcommit, toDevice);
    // The sample's own contention covers the time since any reader's last sample, such as a recent scrape.
    if (rates.contention !== undefined) text += this.#figures.write('contention', rates.contention, toDevice);
    if (rates.host !== undefined) text += this.#figures.write('hostRates', rates.host, toDevice);
    for (const [cell, shares] of rates.host?.byCell ?? []) {
      toDevice('cell', String(cell), this.#figures.write('cellRates', shares));
    }
    yield { stream: 'host', key: '', body: `${text}}` };
    for (const { stream, device, text: figures } of devices.values()) {
      if (figures === '') continue;
      yield {
        stream,
        key: device,
        body: `${head(stream, startedAtMs, device)},"kvm.device":${JSON.stringify(device)}${figures}}`,
      };
    }
  }

  *#ofDomain(
    head: DocumentHead,
    sample: DomainSample,
    startedAtMs: number,
    change: DomainChange | undefined,
  ): Generator<Document> {
    const startMs = sample.outcome.kind === 'fresh' ? sample.outcome.atMs : startedAtMs;
    const { domain, summary, facts, outcome, fit, extras, local, guest, drift } = sample;
    const who = `,"kvm.uuid":${JSON.stringify(domain.uuid)},"kvm.name":${JSON.stringify(domain.name)}${domain.id > 0 ? `,"kvm.id":${domain.id}` : ''}`;
    const figures = this.#figures;
    let text = `${head('vm', startMs, domain.name)}${who}${this.#asked(sample, startedAtMs, change)}`;
    text += figures.write('summary', summary);
    text += figures.write('identity', { uuid: domain.uuid, facts });
    if (facts !== undefined) text += figures.write('facts', facts);
    if (fit !== undefined) text += figures.write('fit', fit);
    if (extras !== undefined) text += figures.write('extras', extras);
    if (local !== undefined) text += figures.write('local', local);
    if (guest?.figures !== undefined) text += figures.write('guest', guest.figures);
    if (drift !== undefined) text += figures.write('drift', drift);
    if (outcome.kind === 'fresh') text += figures.write('domain', outcome.stats);
    text += figures.write('vmRates', vmRatesOf(change?.rates, change?.cpuUsage));
    yield { stream: 'vm', key: domain.uuid, body: `${text}}` };
    for (const device of this.#devices(sample, change?.rates)) {
      if (device.text === '') continue;
      yield {
        stream: device.stream,
        key: `${domain.uuid}/${device.name}`,
        body: `${head(device.stream, startMs, domain.name, device.name)}${who},"kvm.device":${JSON.stringify(device.name)}${device.text}}`,
      };
    }
  }

  /** Yields each device once: a second document with the same dimensions would be a duplicate. */
  *#devices(
    { summary, facts, outcome, limitUses }: DomainSample,
    rates: DomainRates | undefined,
  ): Generator<{
    readonly stream: StreamName;
    readonly name: string;
    readonly text: string;
  }> {
    const figures = this.#figures;
    const stats = outcome.kind === 'fresh' ? outcome.stats : undefined;
    const places = new Map(summary.places?.map((place) => [place.vcpu, place]));
    for (const id of new Set([...(stats?.vcpus.keys() ?? []), ...places.keys()])) {
      const vcpu = stats?.vcpus.get(id);
      const place = places.get(id);
      const text =
        (vcpu === undefined ? '' : figures.write('vcpu', vcpu)) +
        (place === undefined ? '' : figures.write('vcpuPlace', place)) +
        figures.write('vcpuRates', rates?.vcpus.get(id) ?? {});
      yield { stream: 'vcpu', name: String(id), text };
    }
    if (stats === undefined) return;
    for (const [name, block] of byName(stats.blocks.values())) {
      const disk = facts?.disks.find((each) => each.target === name);
      yield {
        stream: 'block',
        name,
        text:
          figures.write('block', block) +
          (disk === undefined ? '' : figures.write('disk', disk)) +
          figures.write('limitUse', limitUses?.get(name) ?? new Map()) +
          figures.write('blockRates', rates?.blocks.get(name) ?? {}),
      };
    }
    for (const [name, net] of byName(stats.nets.values())) {
      const nic = facts?.interfaces.find((each) => each.name === name);
      yield {
        stream: 'net',
        name,
        text:
          figures.write('net', net) +
          (nic === undefined ? '' : figures.write('nic', nic)) +
          figures.write('netRates', rates?.nets.get(name) ?? {}),
      };
    }
    for (const [id, thread] of stats.ioThreads) {
      yield { stream: 'iothread', name: String(id), text: figures.write('ioThread', thread) };
    }
  }

  /** How sampling the VM went, and its keyword fields. */
  #asked(sample: DomainSample, startedAtMs: number, change: DomainChange | undefined): string {
    const { domain, summary, outcome, lastFreshAtMs, extras, facts } = sample;
    let text = `,"virtune_domain_outcome":"${outcome.kind}"`;
    if (summary.state !== undefined) {
      text += `,"libvirt_domain_info_state":${summary.state},"kvm.status.state":"${stateWord(summary.state)}"`;
    }
    if (outcome.kind === 'error') {
      const { code = 'VIRTUNE_INTERNAL' } = outcome.error as { code?: string };
      text += `,"virtune_domain_error.code":${JSON.stringify(code)}`;
      if (outcome.error instanceof RemoteError) {
        text += `,"virtune_domain_error.libvirt_code":"${outcome.error.libvirtCode}"`;
      }
    }
    if (outcome.kind === 'unresponsive') {
      text += `,"virtune_domain_unresponsive_since_timestamp_seconds":${msToSeconds(outcome.sinceMs)}`;
    }
    if (lastFreshAtMs !== undefined) {
      const ageMs = Math.max(0, startedAtMs - lastFreshAtMs);
      text += `,"virtune_domain_sample_age_seconds":${msToSeconds(ageMs)}`;
    }
    if (extras?.job !== undefined) {
      text += `,"libvirt_domain_job.operation":${JSON.stringify(extras.job.operation)}`;
    }
    const missing: Subjects['missing'] = missingOf(sample, this.#options.groups);
    const reasons = missing.map(({ group, reason }) => `${group}:${reason}`);
    if (outcome.kind === 'fresh' && domain.id !== -1 && change?.rates === undefined) {
      reasons.push('rates:first_sample');
    }
    text += words('virtune_domain_missing', reasons);
    text += words(
      'tags',
      [...(facts?.labels ?? [])].map(([label, value]) => `${label}:${value}`),
    );
    return text;
  }
}

export function stateWord(state: number): string {
  return STATE_WORDS[state] ?? 'unknown';
}

function words(name: string, values: readonly string[]): string {
  return values.length === 0 ? '' : `,"${name}":${JSON.stringify(values)}`;
}

function byName<T extends { readonly name?: string }>(devices: Iterable<T>): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const device of devices) {
    if (device.name !== undefined && !found.has(device.name)) found.set(device.name, device);
  }
  return found;
}
