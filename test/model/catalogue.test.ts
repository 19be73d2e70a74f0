import { expect, test } from 'vitest';
import { catalogue } from '../../model/catalogue/catalogue.ts';
import { compatGroups } from '../../model/catalogue/compat.ts';

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

test('a name that is given for another exporter is none of our own, or it would be there twice', () => {
  const own = new Set(catalogue.map((metric) => metric.name));
  for (const { metrics } of Object.values(compatGroups)) {
    const names = metrics.map((metric) => metric.name);
    expect(names.filter((name) => own.has(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  }
});
