import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { builtDashboards } from './built.ts';
import { type Dashboard, expanded } from './lint/dashboard.ts';
import { seriesByQuery } from './lint/fleet-size.ts';
import { isMatched, type Selector, selectorsOf } from './promql.ts';

/** For a fleet of 1,000 hosts with 50 VMs each, as in docs/fleets.md. */
const OF_ONE_QUERY = 1_000;
const OF_FLEET_PAGE = 20_000;
const OF_HOST_PAGE = 2_000;

const dashboards = [...builtDashboards()];
const sumOf = (dashboard: Dashboard): number =>
  seriesByQuery(dashboard).reduce((sum, { series }) => sum + series, 0);

test.each(dashboards)(
  'no query of %s reads more than 1,000 series of 1,000 hosts by default',
  (_, dashboard) => {
    expect(seriesByQuery(dashboard).filter(({ series }) => series > OF_ONE_QUERY)).toEqual([]);
  },
);

test('the fleet page reads at most 20,000 series of 1,000 hosts, and every other page 2,000', () => {
  for (const [page, dashboard] of dashboards) {
    expect(sumOf(dashboard), page).toBeLessThanOrEqual(page === 'fleet' ? OF_FLEET_PAGE : OF_HOST_PAGE);
  }
});

test('only the fleet page begins with all hosts, and no page with all VMs', () => {
  const beginsWithAll = (name: string): string[] =>
    dashboards
      .filter(([, { templating }]) => templating.list.some((each) => each.name === name && each.includeAll))
      .map(([page]) => page);
  expect(beginsWithAll('instance')).toEqual(['fleet']);
  expect(beginsWithAll('domain')).toEqual([]);
});

test('a page that began with all hosts would be found', () => {
  const storage = builtDashboards().get('storage');
  if (storage === undefined) throw new Error('there is no storage page');
  const list = storage.templating.list.map((each) => ({ ...each, includeAll: true }));
  const all = seriesByQuery({ ...storage, templating: { list } });
  expect(all.find(({ title }) => title === 'Latency distribution of disks')?.series).toBe(100_000);
});

interface ScrapeConfig {
  readonly params?: { readonly 'match[]'?: readonly string[] };
  readonly relabel_configs?: readonly {
    readonly action: string;
    readonly source_labels: readonly string[];
  }[];
}

/** The scrapes in the examples of the page on fleets. */
const documented: readonly ScrapeConfig[] = [
  ...readFileSync('docs/fleets.md', 'utf8').matchAll(/^```yaml\n(.*?)^```$/gms),
].flatMap(([, text = '']) => (parse(text) as { scrape_configs?: ScrapeConfig[] }).scrape_configs ?? []);

/** Names that a selector may find. */
function namesOf({ name, matchers }: Selector): string[] {
  if (name !== undefined) return [name];
  const pattern = matchers.find(({ label }) => label === '__name__')?.value ?? '';
  expect(pattern).toMatch(/^[\w:|]+$/);
  return pattern.split('|');
}

/** Whether a selector of the federation may match a series of this name, regardless of its labels. */
const takes = (selector: Selector, name: string): boolean =>
  (selector.name === undefined || selector.name === name) &&
  selector.matchers.filter(({ label }) => label === '__name__').every((matcher) => isMatched(name, matcher));

test('the fleet page finds all that it asks for in a Prometheus that federates what the documentation names', () => {
  const page = builtDashboards().get('fleet');
  if (page === undefined) throw new Error('there is no fleet page');
  const asked = [
    ...page.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...page.annotations.list.map(({ expr }) => expr),
    ...page.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ query }) => query.replace(/^label_values\((.+), \w+\)$/, '$1')),
  ];
  const names = new Set(asked.flatMap((expr) => selectorsOf(expanded(expr))).flatMap(namesOf));
  expect(names.size).toBeGreaterThan(20);
  const federated = documented.flatMap(({ params }) => params?.['match[]'] ?? []).flatMap(selectorsOf);
  expect(federated.length).toBeGreaterThan(3);
  const lacking = [...names].filter((name) => !federated.some((selector) => takes(selector, name)));
  expect(lacking).toEqual([]);
  expect(federated.filter((selector) => ![...names].some((name) => takes(selector, name)))).toEqual([]);
});

test('hosts are split over several servers by their cluster alone, since rules add up its hosts', () => {
  const hashed = documented
    .flatMap((config) => config.relabel_configs ?? [])
    .filter(({ action }) => action === 'hashmod');
  expect(hashed.map((config) => config.source_labels)).toEqual([['cluster']]);
});
