import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtDashboards } from '../dashboards/built.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { until } from './lab/run.ts';
import { EMPTY_PANELS } from './stack/empty-panels.ts';
import { type Prometheus, startPrometheus } from './stack/prometheus.ts';
import { chosen, queriesOf } from './stack/queries.ts';

/** Pages and rows of which a host with a booted guest tells everything. */
const WHOLE = [
  /^fleet: (Hosts|VMs running|vCPUs a CPU|Memory promised|CPU time not given|CPUs missing)/,
  /^host: (CPU|Who waits|Waiting|Memory|Promised|Swap|Requests|Time of a request|Network|Packets|VMs of)/,
  /^vm: (State|vCPUs|Runs|Waits|Running|Waiting|Memory|Requests|Throughput|Time|Network|Packets|Disks|How|What)/,
  /^neighbours: (The chosen|Who|Last seen|Requests|Disk|Network|Time)/,
  /^health: (libvirt|Versions|Reconnects|Stuck|Time|Series|Calls by|Where|How|Oldest|CPU|Memory|Lag)/,
];
/** Of them, what needs somebody to be gone or a second host. */
const NOT_HERE = /N-1|not scraped|do not answer|by NUMA cell/;

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
