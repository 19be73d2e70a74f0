import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { About, RateSubjects, Subjects } from '../../model/catalogue/metric.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { GuestFilesystem } from '../../model/guest.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { missingOf } from '../../sampler/missing.ts';
import { escapeLabel, labelPairs } from './text.ts';

/** A subject with its label part built once, since it stands in dozens of lines. */
export interface Labelled<T> {
  readonly labels: string;
  readonly subject: T;
  /** Where the series may carry another exporter's labels. */
  readonly about?: About;
}

/** Rates are of documents only. */
const NO_RATES: { readonly [K in keyof RateSubjects]: readonly [] } = {
  vmRates: [],
  vcpuRates: [],
  blockRates: [],
  netRates: [],
  hostRates: [],
  cellRates: [],
};

export type AllLabelled = { readonly [K in keyof Subjects]: readonly Labelled<Subjects[K]>[] };

/** What each metric of a kind is read from. Devices come by name, each name once: see `named`. */
export function labelAll(
  { domains, host, overcommit, contention }: HostSample,
  enabled: ReadonlySet<GroupName>,
): AllLabelled {
  const all = {
    domain: [] as Labelled<Subjects['domain']>[],
    summary: [] as Labelled<Subjects['summary']>[],
    identity: [] as Labelled<Subjects['identity']>[],
    facts: [] as Labelled<Subjects['facts']>[],
    vcpu: [] as Labelled<Subjects['vcpu']>[],
    block: [] as Labelled<Subjects['block']>[],
    net: [] as Labelled<Subjects['net']>[],
    ioThread: [] as Labelled<Subjects['ioThread']>[],
    disk: [] as Labelled<Subjects['disk']>[],
    limitUse: [] as Labelled<Subjects['limitUse']>[],
    nic: [] as Labelled<Subjects['nic']>[],
    fit: [] as Labelled<Subjects['fit']>[],
    extras: [] as Labelled<Subjects['extras']>[],
    local: [] as Labelled<Subjects['local']>[],
    drift: [] as Labelled<Subjects['drift']>[],
    guest: [] as Labelled<Subjects['guest']>[],
    guestFilesystem: [] as Labelled<Subjects['guestFilesystem']>[],
    vcpuPlace: [] as Labelled<Subjects['vcpuPlace']>[],
    missing: [] as Labelled<Subjects['missing']>[],
    host: whole(host),
    cell: (host?.cells ?? []).map((subject) => ({ labels: `cell="${subject.id}"`, subject })),
    pool: (host?.pools ?? []).map((subject) => ({
      labels: labelPairs({ storage_pool: subject.name }),
      subject,
    })),
    overcommit: whole(overcommit),
    contention: whole(contention),
    ...NO_RATES,
  };
  for (const sample of domains) {
    const { domain, summary, facts, outcome, fit, extras, local, drift, guest, limitUses } = sample;
    const labels = domainLabel(domain.name);
    const about: About = { uuid: domain.uuid, disk: undefined, nic: undefined };
    all.summary.push({ labels, subject: summary, about });
    all.missing.push({ labels, subject: missingOf(sample, enabled) });
    if (guest?.figures !== undefined) {
      all.guest.push({ labels, subject: guest.figures });
      for (const [number, subject] of guest.figures.filesystems) {
        all.guestFilesystem.push({
          labels: `${labels},filesystem="${number}"${diskLabel(subject, facts)}`,
          subject,
        });
      }
    }
    for (const [disk, subject] of limitUses ?? []) {
      all.limitUse.push({ labels: `${labels},target_device="${escapeLabel(disk)}"`, subject });
    }
    if (local !== undefined) all.local.push({ labels, subject: local });
    if (drift !== undefined) all.drift.push({ labels, subject: drift });
    for (const subject of summary.places ?? []) {
      all.vcpuPlace.push({ labels: `${labels},vcpu="${subject.vcpu}"`, subject });
    }
    if (extras !== undefined) all.extras.push({ labels, subject: extras });
    if (fit !== undefined) all.fit.push({ labels, subject: fit });
    all.identity.push({ labels, subject: { uuid: domain.uuid, facts } });
    if (facts !== undefined) {
      all.facts.push({ labels, subject: facts });
      named(
        all.disk,
        labels,
        facts.disks,
        (disk) => disk.target,
        (disk) => ({ ...about, disk }),
      );
      named(all.nic, labels, facts.interfaces, (nic) => nic.name);
    }
    if (outcome.kind !== 'fresh') continue;
    const { stats } = outcome;
    all.domain.push({ labels, subject: stats });
    for (const [id, subject] of stats.vcpus) all.vcpu.push({ labels: `${labels},vcpu="${id}"`, subject });
    for (const [id, subject] of stats.ioThreads) {
      all.ioThread.push({ labels: `${labels},iothread="${id}"`, subject });
    }
    named(
      all.block,
      labels,
      stats.blocks.values(),
      (block) => block.name,
      ({ name }) => ({
        ...about,
        disk: facts?.disks.find(({ target }) => target === name),
      }),
    );
    named(
      all.net,
      labels,
      stats.nets.values(),
      (net) => net.name,
      ({ name }) => ({
        ...about,
        nic: facts?.interfaces.find((nic) => nic.name === name),
      }),
    );
  }
  return all;
}

/** A subject that a host has one of. */
function whole<T>(subject: T | undefined): Labelled<T>[] {
  return subject === undefined ? [] : [{ labels: '', subject }];
}

export function domainLabel(name: string): string {
  return `domain="${escapeLabel(name)}"`;
}

/** Whatever disk the guest names, only one of this VM's disks becomes a label. */
function diskLabel({ disk }: GuestFilesystem, facts: DomainFacts | undefined): string {
  const isOwn = facts?.disks.some(({ target }) => target === disk) === true;
  return isOwn && disk !== undefined ? `,target_device="${escapeLabel(disk)}"` : '';
}

/** Devices by name, each name once: two series with the same labels would void the whole scrape. */
function named<T>(
  found: Labelled<T>[],
  labels: string,
  devices: Iterable<T>,
  nameOf: (device: T) => string | undefined,
  aboutOf?: (device: T) => About,
): void {
  const seen = new Set<string>();
  for (const subject of devices) {
    const name = nameOf(subject);
    if (name === undefined || seen.has(name)) continue;
    seen.add(name);
    found.push({
      labels: `${labels},target_device="${escapeLabel(name)}"`,
      subject,
      ...(aboutOf && { about: aboutOf(subject) }),
    });
  }
}
