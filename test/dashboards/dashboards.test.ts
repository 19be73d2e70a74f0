import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readBuiltDashboards } from '../../dashboards/built.ts';
import { PAGES } from '../../dashboards/grafana/links.ts';
import { generatedFiles } from '../../dashboards/grafana/write.ts';
import { recordingRules } from '../../dashboards/rules/recording.ts';
import { labelsBySeries } from '../../model/catalogue/labels.ts';
import { BUILT, builtDashboards } from './built.ts';
import { type Dashboard, expanded, type Panel } from './lint/dashboard.ts';
import { selectorsOf } from './promql.ts';

const dashboards = [...builtDashboards()];
const panelsOf = ({ panels }: Dashboard): Panel[] => panels.filter(({ type }) => type !== 'row');
const known = new Set([
  ...labelsBySeries.keys(),
  ...recordingRules.map(({ record }) => record as string),
  'ALERTS',
]);

test('dashboards/built is what the sources say; if not, run npm run dashboards', () => {
  const built = readdirSync(BUILT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(BUILT.length + 1));
  const generated = generatedFiles();
  expect(built.sort()).toEqual([...generated.keys()].sort());
  for (const [path, text] of generated) expect(readFileSync(join(BUILT, path), 'utf8'), path).toBe(text);
});

test.each(dashboards)('each query of %s names only what is exported or recorded', (_, dashboard) => {
  const asked = [
    ...panelsOf(dashboard).flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr)),
    ...dashboard.annotations.list.map(({ expr }) => expr),
    ...dashboard.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ query }) => query.replace(/^label_values\((.+), \w+\)$/, '$1')),
  ];
  expect(asked.length).toBeGreaterThan(10);
  const unknown = asked
    .flatMap((expr) => selectorsOf(expanded(expr)))
    .flatMap(({ name, matchers }) =>
      name === undefined
        ? (matchers.find(({ label }) => label === '__name__')?.value.split('|') ?? [''])
        : [name],
    )
    .filter((name) => !known.has(name));
  expect(unknown).toEqual([]);
});

test.each(dashboards)(
  'panels of %s that show contention explain why an idle host sets off no alert',
  (page, dashboard) => {
    const panels = panelsOf(dashboard).filter(({ targets = [] }) =>
      targets.some(({ expr }) => /instance:virtune_vcpu_contention/.test(expr)),
    );
    for (const { title, description } of panels)
      expect(description, title).toContain('HostCpuContentionHigh');
    if (['fleet', 'host'].includes(page)) expect(panels.length).toBeGreaterThan(1);
  },
);

test('uids and panel ids are set and unique', () => {
  expect(dashboards.map(([, { uid }]) => uid).sort()).toEqual(Object.values(PAGES).sort());
  for (const [page, { panels }] of dashboards) {
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size, page).toBe(ids.length);
    expect(ids.every((id) => Number.isInteger(id) && id > 0)).toBe(true);
  }
});

test('the id of a panel follows from its row and title, wherever it is', () => {
  // Runbooks and chats link to panels: these two IDs must never change.
  const fleet = builtDashboards().get('fleet');
  const idOf = (title: string) => fleet?.panels.find((panel) => panel.title === title)?.id;
  expect([idOf('Hosts not scraped'), idOf('CPU contention by host')]).toEqual([1490637130, 469610867]);
});

test('panels fill the 24 columns of the grid and none lies on another', () => {
  for (const [page, { panels }] of dashboards) {
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w, `${page}: ${title}`).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x} ${y}`), `${page}: ${title} at ${x} ${y}`).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  }
});

test('thresholds rise, so that a colour means what it says', () => {
  const steps = dashboards.flatMap(([page, dashboard]) =>
    panelsOf(dashboard).map(({ title, fieldConfig }) => ({
      title: `${page}: ${title}`,
      values: fieldConfig?.defaults.thresholds?.steps.slice(1).map(({ value }) => value ?? Number.NaN) ?? [],
    })),
  );
  const falling = steps.filter(({ values }) =>
    values.some((value, index) => value <= (values[index - 1] ?? 0)),
  );
  expect(falling).toEqual([]);
});

test('links carry all that identifies a host or a VM, keep data source and time, and lead to existing pages', () => {
  const text = dashboards.map(([, dashboard]) => JSON.stringify(dashboard)).join('\n');
  const urls = [...text.matchAll(/"url":"(\/d\/[^"]+)"/g)].map((match) => match[1] ?? '');
  expect(urls.length).toBeGreaterThan(20);
  const uids = new Set<string>(Object.values(PAGES));
  for (const url of urls) {
    expect(uids.has(/^\/d\/([\w-]+)\?/.exec(url)?.[1] ?? ''), url).toBe(true);
    for (const kept of ['datasource:queryparam', '__url_time_range']) expect(url).toContain(`\${${kept}}`);
    const identity = ['cluster', 'job', 'instance', ...(url.startsWith(`/d/${PAGES.vm}?`) ? ['domain'] : [])];
    for (const label of identity)
      expect(url).toMatch(
        new RegExp(`var-${label}=\\$\\{__(field.labels|data.fields).${label}:percentencode}`),
      );
  }
});

test('every description is a sentence, and titles are unique within a row', () => {
  for (const [page, { panels }] of dashboards) {
    const seen = new Set<string>();
    for (const { type, title, description } of panels) {
      if (type === 'row') {
        seen.clear();
        continue;
      }
      expect(description, `${page}: ${title}`).toMatch(/\.$/);
      expect(seen.has(title), `${page}: ${title}`).toBe(false);
      seen.add(title);
    }
  }
});

test('VMs without memory statistics are those whose guest does not report, and not those that are paused or busy', () => {
  const panel = builtDashboards()
    .get('health')
    ?.panels.find(({ title }) => title === 'VMs without memory statistics');
  const [selector] = selectorsOf(expanded(panel?.targets?.[0]?.expr ?? ''));
  expect(selector?.name).toBe('virtune_domain_missing');
  const { op, value = '' } = selector?.matchers.find(({ label }) => label === 'reason') ?? {};
  expect(op).toBe('=~');
  expect(value.split('|')).toEqual([
    'no_stats_period',
    'no_balloon',
    'guest_does_not_report',
    'guest_stopped_reporting',
  ]);
});

test('the thresholds of a site are drawn instead of the defaults', () => {
  const built = new URL(`file://${BUILT}/`);
  const before = readBuiltDashboards(built);
  const after = readBuiltDashboards(built, { DomainCpuStealHigh: { steal: 0.037 } });
  const vm = 'grafana/dashboards/vm.json';
  expect(before.get(vm)).not.toContain('0.037');
  expect(after.get(vm)?.match(/"value": 0\.037/g)).toHaveLength(2);
  expect(after.get('grafana/dashboards/health.json')).toBe(before.get('grafana/dashboards/health.json'));
});

test('a folder without dashboards is an error that says what to do', () => {
  expect(() => readBuiltDashboards(new URL('file:///nonexistent/'))).toThrow(/npm run dashboards/);
});
