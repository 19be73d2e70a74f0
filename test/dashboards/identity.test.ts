import { expect, test } from 'vitest';
import { readBuiltDashboards } from '../../dashboards/built.ts';
import { clusterLabelFault } from '../../dashboards/cluster-label.ts';
import { configurationFiles, PATHS } from '../../dashboards/files.ts';
import { BUILT, builtDashboards } from './built.ts';
import type { Dashboard, Panel } from './lint/dashboard.ts';
import { mixedUp } from './lint/identity.ts';
import { type PageQuery, ruleTestOfQueries } from './page-queries.ts';
import { hasPromtool, testRules } from './promtool.ts';

const dashboards = builtDashboards();

test.each([...dashboards])('%s does not mix up hosts or VMs of one name', (_, dashboard) => {
  expect(mixedUp(dashboard)).toEqual([]);
});

test('a query, a match, a name and a table that mix up hosts are found', () => {
  const panelWith = (change: object): Dashboard => {
    const fleet = pageOf('fleet');
    return { ...fleet, panels: [{ ...panelOf('fleet', 'CPU contention by host'), ...change }] };
  };
  const chosen = '{cluster=~"$cluster"}';
  const bad = {
    'a query': { targets: [{ refId: 'A', expr: 'up{job=~"$job"}' }] },
    'a match': { targets: [{ refId: 'A', expr: `up${chosen} and on (job, instance) up${chosen}` }] },
    'a name': { targets: [{ refId: 'A', expr: `up${chosen}`, legendFormat: '{{instance}}' }] },
    'a table': { type: 'table', targets: [{ refId: 'A', expr: `max by (job, instance) (up${chosen})` }] },
  };
  for (const [what, change] of Object.entries(bad)) expect(mixedUp(panelWith(change)), what).toHaveLength(1);
});

test('every page has a variable for the cluster, which also matches hosts without the label', () => {
  for (const [page, { templating }] of dashboards) {
    const names = templating.list.map(({ name }) => name);
    expect(names.slice(0, 4), page).toEqual(['datasource', 'cluster', 'job', 'instance']);
    expect(templating.list[1], page).toMatchObject({ allValue: '.*', includeAll: true, multi: true });
  }
});

test('a site can call the label of the cluster as it likes', () => {
  const files = new Map([
    ...readBuiltDashboards(new URL(`file://${BUILT}/`), {}, 'datacenter'),
    ...configurationFiles({ clusterLabel: 'datacenter' }),
  ]);
  const asJson = (path: string): unknown => JSON.parse(files.get(path) ?? '');
  for (const [page, { panels }] of dashboards) {
    const renamed = asJson(`${PATHS.dashboards}/${page}.json`) as Dashboard;
    const text = JSON.stringify(renamed);
    expect(renamed.panels).toHaveLength(panels.length);
    const asked = renamed.panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr);
    const left = [...asked, ...renamed.annotations.list.map(({ expr }) => expr)].filter((expr) =>
      /(?<!\$)\bcluster\b(?!:)/.test(expr),
    );
    expect(left).toEqual([]);
    expect(text).not.toMatch(/\{\{cluster\}\}|labels\.cluster|fields\.cluster|"cluster":/);
    expect(text).toContain('datacenter=~\\"$cluster\\"');
    expect(renamed.templating.list[1]).toMatchObject({
      name: 'cluster',
      query: 'label_values(virtune_connections, datacenter)',
    });
  }
  const text = [...files].flatMap(([path, content]) => (path.endsWith('.json') ? [] : [content])).join('\n');
  expect(text).toContain('sum by (datacenter) (');
  expect(text).toContain('{{ with $labels.datacenter }}');
  expect(text).toMatch(/equal:\n\s+- datacenter\n/);
  expect(text).toContain('{datacenter=%q, job=%q, instance=%q}');
  expect(text).not.toMatch(/by \([^)]*\bcluster\b|\$labels\.cluster|cluster=%q|- cluster$/m);
});

test('the word cluster in the value of a label stays as it is', () => {
  const files = configurationFiles({
    clusterLabel: 'datacenter',
    job: 'cluster-virtune',
    settings: { HostSamplingSlow: { overrides: [{ match: { instance: 'my cluster.*' }, seconds: 9 }] } },
  });
  const rules = files.get(PATHS.alertRules) ?? '';
  expect(rules).toContain('job=~"cluster-virtune"');
  expect(rules).toContain('instance=~"my cluster.*"');
  expect(rules).not.toContain('datacenter-virtune');
});

test('a label that series or alerts have already cannot be the one of the cluster', () => {
  const taken = [
    'job',
    'instance',
    'domain',
    'uuid',
    'vcpu',
    'storage_pool',
    'pool',
    'le',
    'kind',
    'severity',
  ];
  const ofAlerts = [
    'alertname',
    'alertstate',
    'component',
    'override',
    '__name__',
    '__meta_x',
    'a-b',
    '1a',
    '',
  ];
  expect([...taken, ...ofAlerts].filter((label) => clusterLabelFault(label) === undefined)).toEqual([]);
  expect(['cluster', 'datacenter', 'site', 'env'].map(clusterLabelFault)).toEqual(Array(4).fill(undefined));
});

/** Two clusters with a host of the same name, each with a VM of the same name; and another exporter beside virtune. */
const TWO_CLUSTERS = {
  ...vmOn('cluster="east", job="virtune", instance="kvm1"', 0.25),
  ...vmOn('cluster="west", job="virtune", instance="kvm1"', 0.5),
  ...vmOn('cluster="west", job="old-exporter", instance="kvm1"', 0.75),
};

function vmOn(host: string, steal: number): Record<string, string> {
  return {
    [`libvirt_domain_vcpu_delay_seconds_total{${host}, domain="db01", vcpu="0"}`]: `0+${steal * 60}x30`,
    [`libvirt_domain_vcpu_time_seconds_total{${host}, domain="db01", vcpu="0"}`]: '0+30x30',
    [`libvirt_domain_vcpu_current{${host}, domain="db01"}`]: '1+0x30',
    [`libvirt_domain_info_state{${host}, domain="db01", state_desc="running"}`]: '1+0x30',
  };
}

test.skipIf(!hasPromtool)(
  'a VM of one name on hosts of one name in two clusters is two rows, each with its cluster',
  () => {
    const expr = exprOf('host', 'VMs on this host', 'CPU steal');
    const row = (cluster: string, value: number) => ({
      labels: `{cluster="${cluster}", job="virtune", instance="kvm1", domain="db01"}`,
      value,
    });
    const choices = { cluster: '.*', job: '(virtune)', instance: 'kvm1' };
    expectSamples(TWO_CLUSTERS, [
      { expr, choices, samples: [row('east', 0.25), row('west', 0.5)] },
      { expr, choices: { ...choices, cluster: 'west' }, samples: [row('west', 0.5)] },
    ]);
  },
);

test.skipIf(!hasPromtool)('hosts without the label cluster are found on every page', () => {
  const series = vmOn('job="virtune", instance="kvm1"', 0.25);
  const labels = '{job="virtune", instance="kvm1", domain="db01"}';
  expectSamples(series, [
    {
      expr: exprOf('vm', 'CPU steal (ready)'),
      choices: { cluster: '.*', job: '(virtune)', instance: 'kvm1', domain: 'db01' },
      samples: [{ labels: `domain:virtune_vcpu_delay:ratio_rate5m${labels}`, value: 0.25 }],
    },
    {
      expr: exprOf('fleet', 'VMs with most CPU steal'),
      choices: { cluster: '.*', job: '(virtune)', instance: '.+' },
      samples: [{ labels, value: 0.25 }],
    },
  ]);
});

/** A large idle cluster and a small full one. */
const FULL_AND_IDLE = Object.fromEntries(
  [
    ...['b1', 'b2', 'b3'].flatMap((host) => hostOf('big', host, 1_000, 100)),
    ...['s1', 's2'].flatMap((host) => hostOf('small', host, 100, 95)),
  ].map(([name, value]) => [name, `${value}+0x60`]),
);

function hostOf(cluster: string, instance: string, total: number, allocated: number): [string, number][] {
  const host = `job="virtune", cluster="${cluster}", instance="${instance}"`;
  return [
    [`up{${host}}`, 1],
    [`libvirt_host_memory_bytes{${host}, kind="total"}`, total],
    [`libvirt_host_memory_promised_bytes{${host}, kind="maximum"}`, allocated],
  ];
}

test.skipIf(!hasPromtool)(
  'the fleet page shows the cluster that an alert is about, and marks the alert',
  () => {
    const choices = { cluster: '.*', job: '(virtune)', instance: '.+' };
    const alerts = pageOf('fleet').annotations.list.find(({ name }) => name === 'Alerts')?.expr ?? '';
    const atMinutes = 40;
    expectSamples(FULL_AND_IDLE, [
      {
        expr: exprOf('fleet', 'Memory overcommit, N-1'),
        choices,
        atMinutes,
        samples: [{ labels: '{}', value: 1.9 }],
      },
      {
        expr: `count by (cluster) (${alerts})`,
        choices,
        atMinutes,
        samples: [{ labels: '{cluster="small"}', value: 1 }],
      },
      { expr: `count (${alerts})`, choices: { ...choices, cluster: 'big' }, atMinutes, samples: [] },
    ]);
  },
);

test.skipIf(!hasPromtool)('a VM page marks the alerts of its VM and its host, and of no other VM', () => {
  const alerts = pageOf('vm').annotations.list.find(({ name }) => name === 'Alerts')?.expr ?? '';
  const alert = (labels: string) =>
    `ALERTS{alertstate="firing", component="vm", severity="warning", cluster="c", job="virtune", ${labels}}`;
  expectSamples(
    {
      [alert('instance="kvm1", alertname="OfHost"')]: '1+0x5',
      [alert('instance="kvm1", domain="db01", alertname="OfVm"')]: '1+0x5',
      [alert('instance="kvm1", domain="db02", alertname="OfOther"')]: '1+0x5',
      [alert('instance="kvm2", domain="db01", alertname="OfOtherHost"')]: '1+0x5',
    },
    [
      {
        expr: `count by (alertname) (${alerts})`,
        choices: { cluster: '.*', job: '(virtune)', instance: 'kvm1', domain: 'db01' },
        atMinutes: 3,
        samples: ['OfHost', 'OfVm'].map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
      },
    ],
  );
});

function expectSamples(series: Readonly<Record<string, string>>, queries: readonly PageQuery[]): void {
  const { passed, output } = testRules([ruleTestOfQueries(series, queries)]);
  expect(passed, output).toBe(true);
}

function pageOf(name: string): Dashboard {
  const page = dashboards.get(name);
  if (page === undefined) throw new Error(`there is no page ${name}`);
  return page;
}

function panelOf(page: string, title: string): Panel {
  const panel = pageOf(page).panels.find((each) => each.title === title && each.type !== 'row');
  if (panel === undefined) throw new Error(`${page} has no panel ${title}`);
  return panel;
}

/** The query of a panel, or of a column of a table. */
function exprOf(page: string, title: string, column?: string): string {
  const { targets = [], transformations = [] } = panelOf(page, title);
  const renamed = Object.entries(
    transformations.find(({ id }) => id === 'organize')?.options.renameByName ?? {},
  );
  const refId = renamed.find(([, name]) => name === column)?.[0].replace('Value #', '');
  const target = column === undefined ? targets[0] : targets.find((each) => each.refId === refId);
  if (target === undefined) throw new Error(`${title} has no column ${column}`);
  return target.expr;
}
