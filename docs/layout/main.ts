import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Dashboard, drawDashboard } from './dashboard.ts';
import { Figures } from './prometheus.ts';

/**
 * `npm run layouts -- http://127.0.0.1:9090 [--width PX] [--ago SECONDS] [--out FOLDER]`: draws each dashboard with the figures of
 * `npm run stack`, into docs/images/dashboards. What is chosen on each page is what shows most there.
 */
const CHOSEN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  fleet: {},
  host: { instance: 'overcommitted' },
  vm: { instance: 'noisy-neighbour', domain: 'pg-orders' },
  neighbours: { instance: 'noisy-neighbour', domain: 'pg-orders' },
  storage: { instance: 'io-storm' },
  tuning: { instance: 'untuned', domain: 'pg-orders' },
  health: { instance: 'overcommitted' },
};

/** An hour, in the time of the stack, which is 15 times as fast. */
const HOUR_SECONDS = 240;
/** Of all points of time, those at which each host must have been scraped; the stack's own start may be later. */
const WHOLE_SHARE = 0.95;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    width: { type: 'string', default: '1366' },
    ago: { type: 'string', default: '0' },
    out: { type: 'string' },
  },
});
const [url] = positionals;
if (url === undefined) {
  console.error('layouts: name a Prometheus that has the figures, as in http://127.0.0.1:9090');
  process.exit(64);
}
const toSeconds = Math.floor(Date.now() / 1_000) - Number(values.ago);
const range = { fromSeconds: toSeconds - HOUR_SECONDS, toSeconds, stepSeconds: 4 };
const choices = { cluster: '.*', job: '.+', instance: '.+', domain: '.+', __rate_interval: '24s' };
// The hour before it is shown as the day before.
const twoHours = { ...range, fromSeconds: toSeconds - 2 * HOUR_SECONDS };
const scraped = await new Figures(url, choices, twoHours).overTime('libvirt_up');
const steps = (2 * HOUR_SECONDS) / range.stepSeconds;
if (scraped.length === 0 || scraped.some(({ points }) => points.length < steps * WHOLE_SHARE)) {
  console.error(
    `layouts: ${url} has not scraped all hosts for ${2 * HOUR_SECONDS} s yet, so pictures would have gaps; npm run stack says when it has`,
  );
  process.exit(75);
}
const built = new URL('../../dashboards/built/grafana/dashboards/', import.meta.url);
const folder = values.out ?? new URL('../images/dashboards', import.meta.url).pathname;
mkdirSync(folder, { recursive: true });
for (const [page, choice] of Object.entries(CHOSEN)) {
  const dashboard = JSON.parse(readFileSync(new URL(`${page}.json`, built), 'utf8')) as Dashboard;
  const figures = new Figures(url, { ...choices, ...choice }, range);
  writeFileSync(`${folder}/${page}.svg`, await drawDashboard(dashboard, figures, Number(values.width)));
}
