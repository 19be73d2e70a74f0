import { documentGroups, groups } from '../../model/catalogue/catalogue.ts';
import type { Group, SubjectMetric } from '../../model/catalogue/metric.ts';
import { ratesGroup } from '../../model/catalogue/rates.ts';
import { HEAD_FIELDS } from './document-head.ts';
import { dimension, type Field, keyword, PATH } from './field.ts';
import { DEVICE_LABELS, STREAM_NAMES, STREAMS, type StreamName } from './streams.ts';

const RATES: ReadonlySet<string> = new Set(ratesGroup.metrics.map(({ name }) => name));
const gauge = (name: string): Field => ({ name, type: typeOf(name), metric: 'gauge' });

const OF_VM: readonly Field[] = [
  dimension('kvm.uuid'),
  keyword('kvm.name'),
  { name: 'kvm.id', type: 'long' },
];
const OF_DEVICE = dimension('kvm.device');

/** Fields outside the catalogue: how sampling each host and VM went. */
const ASKED: Readonly<Partial<Record<StreamName, readonly Field[]>>> = {
  host: [
    { name: 'event.duration', type: 'long' },
    gauge('libvirt_up'),
    gauge('libvirt_domains'),
    gauge('virtune_sample_duration_seconds'),
    keyword('libvirt_versions_info.hypervisor_running'),
    keyword('libvirt_versions_info.libvirtd_running'),
  ],
  vm: [
    gauge('libvirt_domain_info_state'),
    keyword('kvm.status.state'),
    keyword('virtune_domain_outcome'),
    keyword('virtune_domain_error.code'),
    keyword('virtune_domain_error.libvirt_code'),
    gauge('virtune_domain_unresponsive_since_timestamp_seconds'),
    gauge('virtune_domain_sample_age_seconds'),
    keyword('virtune_domain_missing'),
    keyword('libvirt_domain_job.operation'),
    // User-defined labels, whose names are not known here: `name:value` each.
    keyword('tags'),
  ],
};

/** Groups whose metrics are in documents. */
export const CARRIED: readonly Group[] = [...groups, ...documentGroups];

/**
 * Rates have six significant digits, so a float is enough. Other fractions are doubles; counts are longs, which
 * compress to a fraction of a double.
 */
function typeOf(name: string): 'long' | 'double' | 'float' {
  if (RATES.has(name)) return 'float';
  return /second|ratio|percent|_cpus$|_load$/.test(name) ? 'double' : 'long';
}

/** The fields of one metric in its stream. */
export type MetricFields =
  | { readonly kind: 'one'; readonly field: Field }
  /**
   * `places`: indices of the labels that are part of the field name, in the metric's order; `device`: index of the one
   * that names the document.
   */
  | {
      readonly kind: 'set';
      readonly fields: ReadonlyMap<string, Field>;
      readonly places: readonly number[];
      readonly device: { readonly place: number; readonly stream: StreamName } | undefined;
    }
  | { readonly kind: 'words'; readonly fields: readonly Field[] }
  | { readonly kind: 'none'; readonly why: string };

/** Labels with one value at a time per VM: a separate keyword field, not part of the figures' field names. */
const SPOKEN_LABELS: ReadonlySet<string> = new Set(['operation']);

/** The fields of a catalogue metric: named after it, with label values appended after dots. */
export function fieldsOfMetric(metric: SubjectMetric): MetricFields {
  if (metric.type === 'histogram') return { kind: 'none', why: 'a histogram' };
  if (metric.type === 'info') {
    return {
      kind: 'words',
      fields: Object.keys(metric.labels).map((label) => keyword(`${metric.name}.${label}`)),
    };
  }
  const type = typeOf(metric.name);
  if (!('labels' in metric)) return { kind: 'one', field: { name: metric.name, type, metric: metric.type } };
  const devicePlace = metric.labels.findIndex((label) => Object.hasOwn(DEVICE_LABELS, label));
  const deviceStream = DEVICE_LABELS[metric.labels[devicePlace] ?? ''];
  const places = metric.labels.flatMap((label, index) =>
    index === devicePlace || SPOKEN_LABELS.has(label) ? [] : [index],
  );
  const values = places.map((place) => metric.values?.[metric.labels[place] ?? '']);
  const unknown = places.find((_place, index) => values[index] === undefined);
  if (unknown !== undefined) {
    return { kind: 'none', why: `values of \`${metric.labels[unknown]}\` that only the host knows` };
  }
  const fields = new Map(
    combinations(values as readonly (readonly string[])[]).map((combination) => [
      combination.join('.'),
      {
        name: [
          metric.name,
          ...combination.map((value, index) => part(labelAt(metric, places[index]), value)),
        ].join('.'),
        type,
        metric: metric.type,
      },
    ]),
  );
  return {
    kind: 'set',
    fields,
    places,
    device: deviceStream === undefined ? undefined : { place: devicePlace, stream: deviceStream },
  };
}

function labelAt(metric: { readonly labels: readonly string[] }, place: number | undefined): string {
  return metric.labels[place ?? -1] ?? '';
}

/** A label value as part of a field name that ES|QL accepts unquoted: `size_2048KiB`, since it starts with a letter. */
function part(label: string, value: string): string {
  return /^[a-z_]/i.test(value) ? value : `${label}_${value}`;
}

function combinations(lists: readonly (readonly string[])[]): string[][] {
  return lists.reduce<string[][]>(
    (all, list) => all.flatMap((head) => list.map((value) => [...head, value])),
    [[]],
  );
}

/** The stream whose documents carry a metric; undefined when none does. */
export function streamOfMetric(metric: SubjectMetric): StreamName | undefined {
  const fields = fieldsOfMetric(metric);
  if (fields.kind === 'none') return undefined;
  if (fields.kind === 'set' && fields.device !== undefined) return fields.device.stream;
  return STREAM_NAMES.find((name) => (STREAMS[name].subjects as readonly string[]).includes(metric.per));
}

/**
 * All fields of a stream, in the order of the catalogue, whether currently enabled or not: mappings outlive settings.
 */
export function fieldsOf(stream: StreamName): Field[] {
  const { of } = STREAMS[stream];
  const fields: Field[] = [
    ...HEAD_FIELDS,
    ...(of === 'host' ? [] : [PATH]),
    ...(of === 'vm' || of === 'vm-device' ? OF_VM : []),
    ...(of === 'vm-device' || of === 'host-device' ? [OF_DEVICE] : []),
    ...(ASKED[stream] ?? []),
  ];
  for (const group of CARRIED) {
    for (const metric of group.metrics) {
      if (streamOfMetric(metric) !== stream) continue;
      const own = fieldsOfMetric(metric);
      if (own.kind === 'one') fields.push(own.field);
      else if (own.kind !== 'none') fields.push(...own.fields.values());
    }
  }
  return fields;
}

/** Metrics of the catalogue that no document carries, and why. */
export function unshipped(): { readonly name: string; readonly why: string }[] {
  return (groups as readonly Group[]).flatMap((group) =>
    group.metrics.flatMap((metric) => {
      const fields = fieldsOfMetric(metric);
      // `missing` is a separate keyword field.
      if (metric.per === 'missing' || streamOfMetric(metric) !== undefined) return [];
      const why = fields.kind === 'none' ? fields.why : 'no document is about one file system of a guest';
      return [{ name: metric.name, why }];
    }),
  );
}
