import { expect, test } from 'vitest';
import { builtDashboards } from './built.ts';
import { type Annotation, type Dashboard, expanded } from './lint/dashboard.ts';
import { ruleTestOfQueries } from './page-queries.ts';
import { selectorsOf } from './promql.ts';
import { hasPromtool, testRules } from './promtool.ts';

const dashboards = builtDashboards();
const CHOICES = { cluster: '.*', job: '(virtune)', instance: 'kvm1', domain: '.+' };
const HOST = 'job="virtune", instance="kvm1"';
const DISK = `${HOST}, domain="db01", target_device="sda"`;

/** A VM with requests of half a second, whose medium and profile change in minute 10. */
const CHANGED: Readonly<Record<string, string>> = {
  [`libvirt_domain_block_stats_read_requests_total{${DISK}}`]: '0+60x30',
  [`libvirt_domain_block_stats_write_requests_total{${DISK}}`]: '0+0x30',
  [`libvirt_domain_block_stats_read_time_seconds_total{${DISK}}`]: '0+30x30',
  [`libvirt_domain_block_stats_write_time_seconds_total{${DISK}}`]: '0+0x30',
  [`libvirt_domain_block_stats_capacity_bytes{${DISK}}`]: '7+0x30',
  ...changed('libvirt_domain_block_stats_info', `${DISK}, cache="none"`, ['source_file', 'a.iso', 'b.iso']),
  [`virtune_tuning_applied_timestamp_seconds{${HOST}, domain="db01"}`]: '1+0x30',
  [`virtune_tuning_drift{${HOST}, domain="db01"}`]: '0+0x30',
  ...changed('virtune_tuning_info', `${HOST}, domain="db01", version="1"`, ['profile', 'a', 'b']),
  [`virtune_tuning_effect_timestamp_seconds{${HOST}, domain="db01"}`]: '1+0x30',
  ...changed('virtune_tuning_effect_info', `${HOST}, domain="db01", figure="f", kept="yes"`, [
    'verdict',
    'worse',
    'better',
  ]),
  [`libvirt_domain_vcpus_pinned{${HOST}, domain="db01"}`]: '2+0x30',
  ...changed('libvirt_domain_tuning_info', `${HOST}, domain="db01"`, ['numa_mode', 'strict', '']),
};

/** The change as it arrives by OTLP: no marker ends the first series. */
function changed(
  name: string,
  labels: string,
  [label, before, after]: readonly [string, string, string],
): Record<string, string> {
  return {
    [`${name}{${labels}, ${label}="${before}"}`]: '1+0x9 _x21',
    [`${name}{${labels}, ${label}="${after}"}`]: '_x10 1+0x20',
  };
}

const exprsOf = (page: string, title: string): string[] => {
  const panels = dashboards.get(page)?.panels ?? [];
  const found = panels.filter((each) => each.title === title).flatMap(({ targets }) => targets ?? []);
  if (found.length === 0) throw new Error(`${page} has no panel ${title}`);
  return found.map(({ expr }) => expr);
};
const annotation = (page: string, title: string): string =>
  dashboards.get(page)?.annotations.list.find(({ name }: Annotation) => name === title)?.expr ?? '';

test.skipIf(!hasPromtool)(
  'what a disk or a VM is now is joined while series of before are still there',
  () => {
    const of = (expr: string, labels: string, value: number) => ({
      expr,
      choices: CHOICES,
      atMinutes: 12,
      samples: [{ labels: `{${labels}}`, value }],
    });
    const [byCache = ''] = exprsOf('storage', 'Request latency by cache mode');
    const [applied = ''] = exprsOf('tuning', 'Profiles');
    const [measured = ''] = exprsOf('tuning', 'Measured effects');
    const [capacity = ''] = exprsOf('vm', 'Disks');
    const [bound = ''] = exprsOf('host', 'VMs bound to NUMA cells');
    const { passed, output } = testRules([
      ruleTestOfQueries(CHANGED, [
        of(byCache, 'cache="none"', 0.5),
        of(`count by (profile) (${applied})`, 'profile="b"', 1),
        of(`count by (verdict) (${measured})`, 'verdict="better"', 1),
        of(`count by (source_file) (${capacity})`, 'source_file="b.iso"', 1),
        of(`count by (profile) (${annotation('tuning', 'Profiles applied')})`, 'profile="b"', 1),
        of(`count by (verdict) (${annotation('tuning', 'Effects measured')})`, 'verdict="better"', 1),
        { expr: bound, choices: CHOICES, atMinutes: 12, samples: [] },
        { expr: `count(${bound})`, choices: CHOICES, atMinutes: 8, samples: [{ labels: '{}', value: 1 }] },
      ]),
    ]);
    expect(passed, output).toBe(true);
  },
);

test.each([...dashboards])('hosts of %s are found where there is no `up`', (_, { templating }: Dashboard) => {
  const { query = '' } = templating.list.find(({ name }) => name === 'instance') ?? {};
  const [selector] = selectorsOf(expanded(query.replace(/^label_values\((.+), \w+\)$/, '$1')));
  const names = selector?.matchers.find(({ label }) => label === '__name__');
  expect(names).toEqual({ label: '__name__', op: '=~', value: 'up|libvirt_up' });
});

test.skipIf(!hasPromtool)('the panels of NUMA and of huge pages count pools as the alerts do', () => {
  const [cells = ''] = exprsOf('host', 'Available memory by NUMA cell');
  const [huge = ''] = exprsOf('tuning', 'Huge page backing');
  const cell = `${HOST}, cell="0"`;
  const { passed, output } = testRules([
    ruleTestOfQueries(
      {
        [`libvirt_host_numa_memory_bytes{${cell}, kind="total"}`]: '100+0x30',
        [`libvirt_host_numa_memory_bytes{${cell}, kind="hugepages"}`]: '90+0x30',
        [`libvirt_host_numa_memory_available_bytes{${cell}}`]: '3+0x30',
        // 64 in a pool and 1 of ordinary memory, on two nodes; RSS has only the latter.
        [`libvirt_domain_huge_memory_bytes{${HOST}, domain="db01"}`]: '64+0x30',
        [`libvirt_domain_memory_stats_rss_bytes{${HOST}, domain="db01"}`]: '1+0x30',
        [`libvirt_domain_numa_memory_bytes{${HOST}, domain="db01", node="0"}`]: '33+0x30',
        [`libvirt_domain_numa_memory_bytes{${HOST}, domain="db01", node="1"}`]: '32+0x30',
      },
      [
        { expr: cells, choices: CHOICES, samples: [{ labels: `{${cell}}`, value: 0.3 }] },
        { expr: huge, choices: CHOICES, samples: [{ labels: `{${HOST}, domain="db01"}`, value: 64 / 65 }] },
      ],
    ),
  ]);
  expect(passed, output).toBe(true);
});
