import type { GroupName } from '../../model/catalogue/catalogue.ts';
import type { About, RateSubjects, Subjects } from '../../model/catalogue/metric.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { GuestFilesystem } from '../../model/guest.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { missingOf } from '../../sampler/missing.ts';
import type { LabelFormat } from './label-format.ts';

/** A subject with its labels, built once, since dozens of series share them. */
export interface Labelled<T, L> {
  readonly labels: L;
  readonly subject: T;
  /** Present if the series may have another exporter's labels. */
  readonly about?: About | undefined;
}

/** Rates are in documents only. */
const NO_RATES: { readonly [K in keyof RateSubjects]: readonly [] } = {
  vmRates: [],
  vcpuRates: [],
  blockRates: [],
  netRates: [],
  hostRates: [],
  cellRates: [],
};

export type AllLabelled<L> = { readonly [K in keyof Subjects]: readonly Labelled<Subjects[K], L>[] };

/** VMs labelled before yielding to the event loop: about 1 ms. */
const VMS_AT_ONCE = 100;

/**
 * The labelled subjects of each kind, in pieces, so that the caller can yield to the event loop in between. Devices
 * come by name, each name once: see `named`.
 * @param withAbout if other exporters' labels are wanted
 */
export function* labelAll<L>(
  { domains, host, overcommit, contention }: HostSample,
  enabled: ReadonlySet<GroupName>,
  format: LabelFormat<L>,
  withAbout: boolean,
): Generator<void, AllLabelled<L>> {
  const { none } = format;
  const one = (name: string, value: string): L => format.with(none, name, value);
  const all = {
    domain: [] as Labelled<Subjects['domain'], L>[],
    summary: [] as Labelled<Subjects['summary'], L>[],
    identity: [] as Labelled<Subjects['identity'], L>[],
    facts: [] as Labelled<Subjects['facts'], L>[],
    vcpu: [] as Labelled<Subjects['vcpu'], L>[],
    block: [] as Labelled<Subjects['block'], L>[],
    net: [] as Labelled<Subjects['net'], L>[],
    ioThread: [] as Labelled<Subjects['ioThread'], L>[],
    disk: [] as Labelled<Subjects['disk'], L>[],
    limitUse: [] as Labelled<Subjects['limitUse'], L>[],
    nic: [] as Labelled<Subjects['nic'], L>[],
    fit: [] as Labelled<Subjects['fit'], L>[],
    extras: [] as Labelled<Subjects['extras'], L>[],
    local: [] as Labelled<Subjects['local'], L>[],
    drift: [] as Labelled<Subjects['drift'], L>[],
    guest: [] as Labelled<Subjects['guest'], L>[],
    guestFilesystem: [] as Labelled<Subjects['guestFilesystem'], L>[],
    vcpuPlace: [] as Labelled<Subjects['vcpuPlace'], L>[],
    missing: [] as Labelled<Subjects['missing'], L>[],
    host: whole(host, none),
    cell: (host?.cells ?? []).map((subject) => ({ labels: one('cell', String(subject.id)), subject })),
    pool: (host?.pools ?? []).map((subject) => ({ labels: one('storage_pool', subject.name), subject })),
    overcommit: whole(overcommit, none),
    contention: whole(contention, none),
    ...NO_RATES,
  };
  for (const [index, sample] of domains.entries()) {
    if (index % VMS_AT_ONCE === VMS_AT_ONCE - 1) yield;
    const { domain, summary, facts, outcome, fit, extras, local, drift, guest, limitUses } = sample;
    const labels = one('domain', domain.name);
    const about: About | undefined = withAbout
      ? { uuid: domain.uuid, disk: undefined, nic: undefined }
      : undefined;
    all.summary.push({ labels, subject: summary, about });
    all.missing.push({ labels, subject: missingOf(sample, enabled) });
    if (guest?.figures !== undefined) {
      all.guest.push({ labels, subject: guest.figures });
      for (const [number, subject] of guest.figures.filesystems) {
        const ofNumber = format.with(labels, 'filesystem', String(number));
        const disk = ownDisk(subject, facts);
        all.guestFilesystem.push({
          labels: disk === undefined ? ofNumber : format.with(ofNumber, 'target_device', disk),
          subject,
        });
      }
    }
    for (const [disk, subject] of limitUses ?? []) {
      all.limitUse.push({ labels: format.with(labels, 'target_device', disk), subject });
    }
    if (local !== undefined) all.local.push({ labels, subject: local });
    if (drift !== undefined) all.drift.push({ labels, subject: drift });
    for (const subject of summary.places ?? []) {
      all.vcpuPlace.push({ labels: format.with(labels, 'vcpu', String(subject.vcpu)), subject });
    }
    if (extras !== undefined) all.extras.push({ labels, subject: extras });
    if (fit !== undefined) all.fit.push({ labels, subject: fit });
    all.identity.push({ labels, subject: { uuid: domain.uuid, facts } });
    if (facts !== undefined) {
      all.facts.push({ labels, subject: facts });
      named(
        all.disk,
        format,
        labels,
        facts.disks,
        (disk) => disk.target,
        about && ((disk) => ({ ...about, disk })),
      );
      named(all.nic, format, labels, facts.interfaces, (nic) => nic.name);
    }
    if (outcome.kind !== 'fresh') continue;
    const { stats } = outcome;
    all.domain.push({ labels, subject: stats });
    for (const [id, subject] of stats.vcpus) {
      all.vcpu.push({ labels: format.with(labels, 'vcpu', String(id)), subject });
    }
    for (const [id, subject] of stats.ioThreads) {
      all.ioThread.push({ labels: format.with(labels, 'iothread', String(id)), subject });
    }
    named(
      all.block,
      format,
      labels,
      stats.blocks.values(),
      (block) => block.name,
      about && (({ name }) => ({ ...about, disk: facts?.disks.find(({ target }) => target === name) })),
    );
    named(
      all.net,
      format,
      labels,
      stats.nets.values(),
      (net) => net.name,
      about && (({ name }) => ({ ...about, nic: facts?.interfaces.find((nic) => nic.name === name) })),
    );
  }
  return all;
}

/** A subject that exists once per host. */
function whole<T, L>(subject: T | undefined, none: L): Labelled<T, L>[] {
  return subject === undefined ? [] : [{ labels: none, subject }];
}

/** The guest may name any disk: only a disk of this VM becomes a label. */
function ownDisk({ disk }: GuestFilesystem, facts: DomainFacts | undefined): string | undefined {
  return facts?.disks.some(({ target }) => target === disk) === true ? disk : undefined;
}

/** Devices by name, each name once: two series with the same labels would invalidate the whole scrape. */
function named<T, L>(
  found: Labelled<T, L>[],
  format: LabelFormat<L>,
  labels: L,
  devices: Iterable<T>,
  nameOf: (device: T) => string | undefined,
  aboutOf?: ((device: T) => About) | undefined,
): void {
  let first: string | undefined;
  // Most VMs have one disk and one NIC.
  let others: Set<string> | undefined;
  for (const subject of devices) {
    const name = nameOf(subject);
    if (name === undefined || name === first || others?.has(name) === true) continue;
    if (first === undefined) first = name;
    else {
      others ??= new Set();
      others.add(name);
    }
    found.push({ labels: format.with(labels, 'target_device', name), subject, about: aboutOf?.(subject) });
  }
}
