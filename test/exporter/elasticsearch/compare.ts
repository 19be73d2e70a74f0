import { fieldsOfMetric, streamOfMetric } from '../../../exporter/documents/fields.ts';
import { groups } from '../../../model/catalogue/catalogue.ts';
import type { Group, SubjectMetric } from '../../../model/catalogue/metric.ts';
import type { Series } from '../../exposition.ts';

/** A document by full field names, whether nested or not. */
export type Flat = ReadonlyMap<string, unknown>;

export function flatten(value: unknown, prefix = ''): Flat {
  const flat = new Map<string, unknown>();
  for (const [name, inner] of Object.entries(value as Record<string, unknown>)) {
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
      for (const [below, leaf] of flatten(inner, `${prefix}${name}.`)) flat.set(below, leaf);
    } else flat.set(`${prefix}${name}`, inner);
  }
  return flat;
}

const METRICS = new Map<string, SubjectMetric>(
  (groups as readonly Group[]).flatMap((group) =>
    group.metrics.map((metric) => [metric.name, metric] as const),
  ),
);
const DEVICE_LABELS = ['target_device', 'vcpu', 'iothread', 'cell', 'storage_pool'];

export interface Compared {
  readonly equal: number;
  /** Series that are missing from the documents or differ. */
  readonly wrong: readonly string[];
}

/** Compares each series of a scrape that documents carry with the documents of the same sample. */
export function compare(
  series: readonly Series[],
  documents: ReadonlyMap<string, readonly Flat[]>,
  isEqual: (name: string, scraped: number, shipped: unknown) => boolean = (_name, scraped, shipped) =>
    scraped === shipped,
): Compared {
  let equal = 0;
  const wrong: string[] = [];
  for (const { name, labels, value } of series) {
    const metric = METRICS.get(name);
    const stream = metric && streamOfMetric(metric);
    if (metric === undefined || stream === undefined) continue;
    const device = DEVICE_LABELS.map((label) => labels[label]).find((each) => each !== undefined);
    const document = (documents.get(stream) ?? []).find(
      (each) => each.get('kvm.name') === labels['domain'] && each.get('kvm.device') === device,
    );
    const scraped = `${name}${JSON.stringify(labels)} ${value}`;
    if (document === undefined) {
      // Devices without figures have no document.
      if (metric.per !== 'disk' && metric.per !== 'nic') wrong.push(`${scraped}: no document`);
      continue;
    }
    const fields = fieldsOfMetric(metric);
    if (fields.kind === 'words') {
      const own = fields.fields.map(
        (field) => [field.name, labels[field.name.slice(name.length + 1)]] as const,
      );
      const other = own.find(([field, word]) => document.get(field) !== word);
      if (other === undefined) equal++;
      else wrong.push(`${scraped}: ${other[0]} is ${document.get(other[0])}`);
      continue;
    }
    const names = 'labels' in metric ? (metric.labels as readonly string[]) : [];
    const places = fields.kind === 'set' ? fields.places : [];
    const values = places.map((place) => labels[names[place] ?? ''] ?? '').join('.');
    const field = fields.kind === 'set' ? fields.fields.get(values)?.name : name;
    const shipped = document.get(field ?? `${name} of ${values}`);
    if (isEqual(name, value, shipped)) equal++;
    else wrong.push(`${scraped}: shipped ${shipped}`);
  }
  return { equal, wrong };
}
