import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtDashboards } from '../dashboards/built.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { EMPTY_PANELS } from './stack/empty-panels.ts';
import { type Prometheus, startPrometheus } from './stack/prometheus.ts';
import { chosen, queriesOf } from './stack/queries.ts';

/** Panels that have all their data on a host with a booted guest. */
const WHOLE = [
  /^fleet: (Hosts|Running VMs|vCPU:pCPU|Memory overcommit|CPU contention|CPU shortfall)/,
  /^host: (CPU|Memory|Host memory|I\/O pressure|Swap|Disk requests|Request latency|Network|Dropped|VMs on)/,
  /^vm: (State|vCPUs|CPU|Balloon|Usable|Guest memory|Major|Disk|Request latency|Network|Packets|Configuration|Missing)/,
  /^neighbours: (CPU|VMs last seen|Disk|Network|Request latency)/,
  /^health: (libvirt|virtune|Reconnects|Stuck|Sample|Scrape duration|Series|Call |Time|VM sampling|Stale|CPU|Memory|Event)/,
];
/** Of these, panels that need a host that is down or a second host. */
const NOT_HERE = /N-1|not scraped|not responding|by NUMA cell/;

let virtune: VirtuneProcess;
let prometheus: Prometheus;
beforeAll(async () => {
  virtune = new VirtuneProcess(
    'exporter',
    ...['--listen', '127.0.0.1:0', '--domain-deadline', '10', '--collect.numa', '--collect.placement'],
  );
  const { host } = new URL(await virtune.url());
  prometheus = await startPrometheus({
    port: 19_195,
    faster: 20,
    targets: [{ job: 'virtune', address: host, labels: { instance: 'lab' } }],
  });
  const last = 'instance:virtune_block_request_seconds:mean_rate5m';
  await until(
    'the last of the recorded series',
    90_000,
    async () => (await prometheus.query(last)).length > 0,
  );
}, 150_000);
afterAll(async () => {
  await prometheus?.stop();
  await virtune?.stop();
});

async function empty(wanted: (title: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  const asked = queriesOf(builtDashboards()).filter(({ title }) => wanted(title));
  expect(asked.length).toBeGreaterThan(1);
  for (const { title, expr } of asked) {
    if ((await prometheus.query(chosen(expr))).length === 0) found.push(title);
  }
  return found;
}

test('queries that only a real host can answer are answered by one', async () => {
  expect(await empty((title) => EMPTY_PANELS[title]?.inTheLab === true)).toEqual([]);
});

test('a real host and its guests fill the dashboards', async () => {
  const whole = (title: string): boolean =>
    WHOLE.some((each) => each.test(title)) && !NOT_HERE.test(title) && !(title in EMPTY_PANELS);
  expect(await empty(whole)).toEqual([]);
});
