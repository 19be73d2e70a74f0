import { expect, test } from 'vitest';
import { builtDashboards } from './built.ts';
import type { Dashboard } from './lint/dashboard.ts';
import { seriesByQuery } from './lint/fleet-size.ts';

/** Of a fleet of 1,000 hosts with 50 VMs each, as docs/fleets.md says. */
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
