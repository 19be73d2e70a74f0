import type { BalloonStats } from '../../model/stats/types.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { type DocumentHead, HEAD_FIELDS } from './document-head.ts';
import { type Document, stateWord } from './documents.ts';
import { dimension, type Field, fitsLong, keyword, PATH } from './field.ts';
import type { CompatStreamName } from './streams.ts';

/**
 * Metricbeat's names for the tags of dommemstat, in its order (metricbeat/module/kvm/dommemstat): raw KiB, or counts.
 * It calls the eleventh `nr`, the number of tags, although the value is the disk caches.
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

const COMMON: readonly Field[] = [...HEAD_FIELDS, dimension('kvm.uuid'), PATH];

/** Metricbeat's fields plus the UUID: without it, VMs of the same name on two hosts would be one. */
export const COMPAT_FIELDS: Readonly<Record<CompatStreamName, readonly Field[]>> = {
  dommemstat: [
    ...COMMON,
    { name: 'kvm.dommemstat.id', type: 'long' },
    keyword('kvm.dommemstat.name'),
    dimension('kvm.dommemstat.stat.name'),
    { name: 'kvm.dommemstat.stat.value', type: 'long', metric: 'gauge' },
  ],
  status: [...COMMON, { name: 'kvm.id', type: 'long' }, keyword('kvm.name'), keyword('kvm.status.state')],
};

/**
 * What Metricbeat's kvm module would send for the same sample, except its error events for VMs that are not running.
 */
export function* metricbeatEvents(sample: HostSample, head: DocumentHead): Generator<Document> {
  for (const { domain, summary, outcome } of sample.domains) {
    const id = domain.id > 0 ? domain.id : undefined;
    if (summary.state !== undefined) {
      const body = {
        'kvm.uuid': domain.uuid,
        'kvm.id': id,
        'kvm.name': domain.name,
        'kvm.status.state': stateWord(summary.state),
      };
      const start = head('status', sample.startedAtMs, domain.name);
      yield { stream: 'status', key: domain.uuid, body: join(start, body) };
    }
    if (outcome.kind !== 'fresh') continue;
    // Measured by the host, so present without the balloon group.
    const host: BalloonStats = {
      ...(summary.memoryKiB !== undefined && { currentKiB: summary.memoryKiB }),
      ...(summary.rssKiB !== undefined && { rssKiB: summary.rssKiB }),
    };
    const balloon = { ...outcome.stats.balloon, ...host };
    for (const [tag, read] of TAGS) {
      const value = read(balloon);
      if (value === undefined || !fitsLong(value)) continue;
      const body = {
        'kvm.uuid': domain.uuid,
        'kvm.dommemstat.id': id,
        'kvm.dommemstat.name': domain.name,
        'kvm.dommemstat.stat.name': tag,
        'kvm.dommemstat.stat.value': value,
      };
      const start = head('dommemstat', outcome.atMs, domain.name);
      yield { stream: 'dommemstat', key: `${domain.uuid}/${tag}`, body: join(start, body) };
    }
  }
}

/** A head and the fields after it, as one object. */
function join(head: string, fields: Readonly<Record<string, unknown>>): string {
  return `${head},${JSON.stringify(fields).slice(1)}`;
}
