import type { BalloonStats } from '../../model/stats/types.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { type Document, stateWord } from './documents.ts';
import type { Field } from './fields.ts';
import type { CompatStreamName } from './streams.ts';

/**
 * Metricbeat's names of dommemstat's tags, in its order (metricbeat/module/kvm/dommemstat): raw KiB, or counts.
 * It calls the eleventh `nr`, the number of tags there are; what it reads there are the disk caches.
 */
const TAGS: readonly (readonly [name: string, read: (balloon: BalloonStats) => number | undefined])[] = [
  ['swapin', (balloon) => balloon.swapInKiB],
  ['swapout', (balloon) => balloon.swapOutKiB],
  ['majorfault', (balloon) => balloon.majorFaults],
  ['minorfault', (balloon) => balloon.minorFaults],
  ['unused', (balloon) => balloon.unusedKiB],
  ['available', (balloon) => balloon.availableKiB],
  ['actualballoon', (balloon) => balloon.currentKiB],
  ['rss', (balloon) => balloon.rssKiB],
  ['usable', (balloon) => balloon.usableKiB],
  ['lastupdate', (balloon) => balloon.lastUpdateSeconds],
  ['nr', (balloon) => balloon.diskCachesKiB],
];

const COMMON: readonly Field[] = [
  { name: '@timestamp', type: 'date' },
  { name: 'host.id', type: 'keyword', dimension: true },
  { name: 'host.name', type: 'keyword' },
  { name: 'event.module', type: 'keyword' },
  { name: 'event.dataset', type: 'keyword' },
  { name: 'metricset.name', type: 'keyword' },
  { name: 'service.type', type: 'keyword' },
  { name: 'service.address', type: 'keyword' },
  { name: 'kvm.uuid', type: 'keyword', dimension: true },
];

/** Metricbeat's fields, and the UUID that it has not: without it, two hosts' VMs of one name would be one. */
export const COMPAT_FIELDS: Readonly<Record<CompatStreamName, readonly Field[]>> = {
  dommemstat: [
    ...COMMON,
    { name: 'kvm.dommemstat.id', type: 'long' },
    { name: 'kvm.dommemstat.name', type: 'keyword' },
    { name: 'kvm.dommemstat.stat.name', type: 'keyword', dimension: true },
    { name: 'kvm.dommemstat.stat.value', type: 'long', metric: 'gauge' },
  ],
  status: [
    ...COMMON,
    { name: 'kvm.id', type: 'long' },
    { name: 'kvm.name', type: 'keyword' },
    { name: 'kvm.status.state', type: 'keyword' },
  ],
};

/** What Metricbeat's kvm module would send of the same moment, but for its error events of VMs that do not run. */
export function* metricbeatEvents(sample: HostSample, hostId: string, address: string): Generator<Document> {
  const head = (metricset: CompatStreamName, uuid: string): Record<string, unknown> => ({
    '@timestamp': new Date(sample.startedAtMs).toISOString(),
    'host.id': hostId,
    'host.name': sample.identity?.hostname,
    'event.module': 'kvm',
    'event.dataset': `kvm.${metricset}`,
    'metricset.name': metricset,
    'service.type': 'kvm',
    'service.address': address,
    'kvm.uuid': uuid,
  });
  for (const { domain, summary, outcome } of sample.domains) {
    const id = domain.id > 0 ? domain.id : undefined;
    if (summary.state !== undefined) {
      const body = {
        ...head('status', domain.uuid),
        'kvm.id': id,
        'kvm.name': domain.name,
        'kvm.status.state': stateWord(summary.state),
      };
      yield { stream: 'status', key: domain.uuid, body: JSON.stringify(body) };
    }
    if (outcome.kind !== 'fresh') continue;
    // The host's own figures do not need the balloon group.
    const host: BalloonStats = {
      ...(summary.memoryKiB !== undefined && { currentKiB: summary.memoryKiB }),
      ...(summary.rssKiB !== undefined && { rssKiB: summary.rssKiB }),
    };
    const balloon = { ...outcome.stats.balloon, ...host };
    for (const [tag, read] of TAGS) {
      const value = read(balloon);
      if (value === undefined) continue;
      const body = {
        ...head('dommemstat', domain.uuid),
        'kvm.dommemstat.id': id,
        'kvm.dommemstat.name': domain.name,
        'kvm.dommemstat.stat.name': tag,
        'kvm.dommemstat.stat.value': value,
      };
      yield { stream: 'dommemstat', key: `${domain.uuid}/${tag}`, body: JSON.stringify(body) };
    }
  }
}
