import { expect, test } from 'vitest';
import { catalogue, documentGroups } from '../../model/catalogue/catalogue.ts';
import { compatGroups } from '../../model/catalogue/compat.ts';
import { type Group, SUBJECT_LABELS, type SubjectMetric } from '../../model/catalogue/metric.ts';

const inDocuments: readonly SubjectMetric[] = documentGroups.flatMap(({ metrics }) => metrics);

test('rates of documents have names that no series has, and say their unit', () => {
  const names = inDocuments.map(({ name }) => name);
  const series = new Set(catalogue.map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => series.has(name))).toEqual([]);
  expect(names.filter((name) => !/^libvirt_[a-z0-9_]+_(per_second|ratio|seconds|cpus)$/.test(name))).toEqual(
    [],
  );
  for (const { type, help } of inDocuments) {
    expect(type).toBe('gauge');
    expect(help).toMatch(/^\S.{8,}\.$/);
  }
});

test('every name is given once, and is a name that Prometheus takes', () => {
  const names = catalogue.map((metric) => metric.name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^(libvirt|virtune)_[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
});

test('counters end in _total and nothing else does', () => {
  const wrong = catalogue.filter((metric) => (metric.type === 'counter') !== metric.name.endsWith('_total'));
  expect(wrong.map((metric) => metric.name)).toEqual([]);
});

test('info series end in _info and help is a sentence', () => {
  for (const metric of catalogue) {
    if (metric.type === 'info') expect(metric.name).toMatch(/_info$/);
    expect(metric.help).toMatch(/^\S.{8,}\.$|^\S.{8,}\)\.$/);
  }
});

test('the names that existing dashboards know are kept', () => {
  const names = new Set(catalogue.map((metric) => metric.name));
  const known = [
    'libvirt_up',
    ...['maximum_memory_bytes', 'memory_usage_bytes', 'virtual_cpus', 'cpu_time_seconds_total'].map(
      (each) => `libvirt_domain_info_${each}`,
    ),
    ...['read', 'write'].flatMap((each) => [
      `libvirt_domain_block_stats_${each}_bytes_total`,
      `libvirt_domain_block_stats_${each}_requests_total`,
    ]),
    ...['receive', 'transmit'].flatMap((each) =>
      ['bytes', 'packets', 'errors', 'drops'].map(
        (what) => `libvirt_domain_interface_stats_${each}_${what}_total`,
      ),
    ),
    ...['state', 'time_seconds_total', 'wait_seconds_total', 'delay_seconds_total'].map(
      (each) => `libvirt_domain_vcpu_${each}`,
    ),
    ...[
      'major_fault_total',
      'minor_fault_total',
      'unused_bytes',
      'available_bytes',
      'usable_bytes',
      'rss_bytes',
      'used_percent',
    ].map((each) => `libvirt_domain_memory_stats_${each}`),
  ];
  expect(known.filter((name) => !names.has(name))).toEqual([]);
});

test('a name that exists for another exporter is not one of ours, or it would be exported twice', () => {
  const own = new Set(catalogue.map((metric) => metric.name));
  for (const { metrics } of Object.values(compatGroups)) {
    const names = metrics.map((metric) => metric.name);
    expect(names.filter((name) => own.has(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  }
});

test('every metric is of a type and a subject that there are, and each of its labels differs', () => {
  const subjects = new Set(['process', ...Object.keys(SUBJECT_LABELS)]);
  const compat: readonly Group[] = Object.values(compatGroups);
  for (const { name, type, per, ...more } of [...catalogue, ...compat.flatMap(({ metrics }) => metrics)]) {
    expect(['counter', 'gauge', 'info', 'histogram'], name).toContain(type);
    expect(subjects, name).toContain(per);
    const own = 'labels' in more ? (Array.isArray(more.labels) ? more.labels : Object.keys(more.labels)) : [];
    const labels = [...(per === 'process' ? [] : SUBJECT_LABELS[per]), ...own];
    expect(new Set(labels).size, name).toBe(labels.length);
    expect(
      labels.filter((label) => !/^[a-z][a-z0-9_]*$/.test(label)),
      name,
    ).toEqual([]);
    const points = 'points' in more || 'histograms' in more;
    if (points) expect(own.length, name).toBeGreaterThan(0);
    const values: Readonly<Record<string, readonly string[]>> = ('values' in more && more.values) || {};
    for (const [label, known] of Object.entries(values)) {
      expect(own, `${name} ${label}`).toContain(label);
      expect(known.length, `${name} ${label}`).toBeGreaterThan(0);
      expect(new Set(known).size, `${name} ${label}`).toBe(known.length);
      expect(known, `${name} ${label}`).not.toContain('');
    }
  }
});

test("another exporter's labels are added to series that there are", () => {
  const groups: readonly Group[] = Object.values(compatGroups);
  const own = new Set([...catalogue, ...groups.flatMap(({ metrics }) => metrics)].map(({ name }) => name));
  const names = groups.flatMap(({ peerLabels }) => peerLabels ?? []).flatMap((each) => each.names);
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !own.has(name))).toEqual([]);
});
