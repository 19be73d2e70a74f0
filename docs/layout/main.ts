import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type Dashboard, drawDashboard } from './dashboard.ts';
import { Figures } from './prometheus.ts';

/**
 * `npm run layouts -- http://127.0.0.1:9090 [SECONDS]`: draws each dashboard with the figures of a Prometheus
 * that has scraped the simulator's scenarios, into docs/images/dashboards. What is chosen on each page is what
 * shows most there.
 */
const CHOSEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  fleet: {},
  host: { instance: 'overcommitted' },
  vm: { instance: 'noisy-neighbour', domain: 'pg-orders' },
  neighbours: { instance: 'noisy-neighbour', domain: 'pg-orders' },
  storage: {},
  tuning: { domain: 'pg-.*' },
  health: {},
};

const [url, seconds = '240'] = process.argv.slice(2);
if (url === undefined) {
  console.error('layouts: name a Prometheus that has the figures, as in http://127.0.0.1:9090');
  process.exit(64);
}
const built = new URL('../../dashboards/built/grafana/dashboards/', import.meta.url);
const folder = new URL('../images/dashboards/', import.meta.url);
mkdirSync(folder, { recursive: true });
const toSeconds = Math.floor(Date.now() / 1_000);
for (const [page, choices] of Object.entries(CHOSEN)) {
  const dashboard = JSON.parse(readFileSync(new URL(`${page}.json`, built), 'utf8')) as Dashboard;
  const figures = new Figures(
    url,
    { cluster: '.*', job: '.+', instance: '.+', domain: '.+', __rate_interval: '15s', ...choices },
    { fromSeconds: toSeconds - Number(seconds), toSeconds, stepSeconds: 4 },
  );
  writeFileSync(new URL(`${page}.svg`, folder), await drawDashboard(dashboard, figures));
}
