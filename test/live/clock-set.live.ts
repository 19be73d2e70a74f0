import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { parseDriftRecord } from '../../model/drift-record.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { acquireLease } from '../../tuner/lock/acquire-lease.ts';
import { ownRecord } from '../../tuner/lock/lease-record.ts';
import { TunedDemo } from '../cli/tuned-demo.ts';
import { type BulkServer, startBulkServer } from '../exporter/elasticsearch/bulk-server.ts';
import { FakeReceiver } from '../exporter/otlp/fake-receiver.ts';
import { figure, find } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { MovableClock } from './lab/movable-clock.ts';
import { sleep, until } from './lab/run.ts';

/* Processes whose wall clock is set while they run, by hours: of the host, not of a test. */

/** The nightly run covers each command. */
const ALL = process.env['VIRTUNE_HOST_FAULTS'] === 'all';
const HOUR = 3_600;
const SET = [3 * HOUR, -3 * HOUR, 0];
/** Samples after each change of the clock. */
const SAMPLES = 2;
/** A VM whose CPU usage is steady, whatever the machine does. */
const STEADY = 'pg-orders';

let clock: MovableClock;
let demo: Demo;
let server: BulkServer;
let receiver: FakeReceiver;
let folder: string;
let virtune: VirtuneProcess | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-clock-set-'));
  clock = new MovableClock();
  demo = await startDemo({ scenario: 'noisy-neighbour' });
  server = await startBulkServer();
  receiver = new FakeReceiver();
  await receiver.start();
});
afterEach(async () => {
  await virtune?.stop('SIGKILL');
  virtune = undefined;
  clock.set(0);
});
afterAll(async () => {
  await receiver.stop();
  server.stop();
  await demo.stop();
  clock.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface VmDocument {
  readonly '@timestamp': string;
  readonly 'event.dataset': string;
  readonly 'kvm.name'?: string;
  readonly libvirt_domain_cpu_usage_cpus?: number;
  readonly virtune_domain_sample_age_seconds?: number;
}

const documents = (): VmDocument[] =>
  server.documents
    .map((text) => JSON.parse(text) as VmDocument)
    .filter((each) => each['event.dataset'] === 'kvm.vm' && each['kvm.name'] === STEADY);

/** Checks that all are within a factor of 50: a rate over a jump of hours would be thousands of times smaller. */
function expectSteady(figures: readonly number[]): void {
  const largest = Math.max(...figures);
  expect(largest).toBeGreaterThan(0.01);
  for (const each of figures) expect(each).toBeGreaterThan(largest / 50);
}

test('documents have the time of the clock that was set and the rates of what has passed, and each of them arrives', async () => {
  virtune = new VirtuneProcess(
    clock.env,
    'exporter',
    ...['--connect', demo.uri, '--listen', '127.0.0.1:0'],
    ...['--elasticsearch', server.url, '--elasticsearch.interval', '1s'],
    ...['--elasticsearch.queue-dir', join(folder, 'elasticsearch')],
    ...['--otlp.endpoint', receiver.url, '--otlp.interval', '1s', '--otlp.queue-dir', join(folder, 'otlp')],
  );
  await virtune.url();
  for (const aheadSeconds of SET) {
    clock.set(aheadSeconds);
    const isNow = (text: string): boolean =>
      Math.abs(Date.parse(text) - (Date.now() + aheadSeconds * 1_000)) < (HOUR * 1_000) / 2;
    await until('documents of the new time', 60_000, () => {
      return documents().filter((each) => isNow(each['@timestamp'])).length >= SAMPLES;
    });
    const series = await virtune.scrape();
    expect(figure(series, 'libvirt_up')).toBe(1);
    for (const { value } of find(series, 'virtune_domain_sample_age_seconds')) expect(value).toBeLessThan(60);
  }
  const found = documents();
  // The first has no rates: they need two samples.
  expectSteady(found.slice(1).flatMap((each) => each.libvirt_domain_cpu_usage_cpus ?? Number.NaN));
  for (const each of found) expect(each.virtune_domain_sample_age_seconds ?? 0).toBeLessThan(60);
  for (const sink of ['elasticsearch', 'otlp']) {
    const count = async (name: string, labels = {}): Promise<number> =>
      figure(await (virtune as VirtuneProcess).scrape(), `virtune_${sink}_${name}`, labels) ?? Number.NaN;
    for (const reason of ['queue_full', 'too_old', 'disk', 'damaged'])
      expect(await count('dropped_total', { reason })).toBe(0);
    await until(`all to be sent by ${sink}`, 60_000, async () => {
      const [queued, sent, waiting] = [
        await count('queued_total'),
        await count('sent_total'),
        await count('queue_documents'),
      ];
      return Number.isNaN(waiting) ? sent > 0 : queued - sent <= waiting + 100;
    });
  }
});

test.runIf(ALL)('top has the rates of what has passed in each line, with the time of the clock', async () => {
  virtune = new VirtuneProcess(
    clock.env,
    ...['top', '--connect', demo.uri, '--batch', '--json', '--delay', '0.5s', '--filter', STEADY],
  );
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: string; vms: { name: string; cpu_percent: number }[] });
  for (const aheadSeconds of SET) {
    clock.set(aheadSeconds);
    const hour = new Date(Date.now() + aheadSeconds * 1_000).toISOString().slice(0, 13);
    await virtune.prints(new RegExp(`(?:.*"time":"${hour}.*\\n){${SAMPLES}}`));
  }
  const { stdout } = await virtune.stop('SIGTERM');
  expectSteady(
    lines(stdout).map(({ vms }) => vms.find(({ name }) => name === STEADY)?.cpu_percent ?? Number.NaN),
  );
});

test('a run whose clock is set while it waits for a host takes it from no run that lives', async () => {
  const lease = await acquireLease({
    open: () => connect(demo.uri, { readOnly: false }),
    record: ownRecord({ command: 'virtune tune apply', since: new Date().toISOString(), version: '1.2.3' }),
    hostname: 'simulated-host',
    waitMs: 0,
    onSay: (text) => expect.fail(text),
  });
  try {
    const waiter = new VirtuneProcess(
      clock.env,
      ...['tune', 'apply', STEADY, '--profile', 'balanced', '--connect', demo.uri],
      ...['--state-dir', join(folder, 'state'), '--yes', '--wait', '6s'],
    );
    virtune = waiter;
    await waiter.says(/waiting for/);
    for (const aheadSeconds of SET) {
      clock.set(aheadSeconds);
      await sleep(1_500);
    }
    const { code, stderr } = await waiter.ended;
    expect(stderr).not.toContain('took over');
    expect(stderr).toContain('[TUNE_LOCKED]');
    expect(code).toBe(75);
    await lease.check();
  } finally {
    await lease.release();
  }
});

test.runIf(ALL)(
  'virtune tune watch checks at its interval while the clock is set, dates each check by it, and restores what a VM lost in between',
  { timeout: 300_000 },
  async () => {
    const host = await TunedDemo.start();
    const record = join(folder, 'drift.json');
    try {
      const applied = await host.run('apply', 'pg-orders', '--profile', 'oltp-database', '--yes');
      expect(applied).toMatchObject({ code: 0 });
      const watching = new VirtuneProcess(
        clock.env,
        ...['tune', 'watch', '--connect', host.demo.uri, '--state-dir', host.stateDir],
        ...['--interval', '1s', '--record-file', record],
      );
      virtune = watching;
      await watching.says(/watching tuned domains/);
      let restored = 0;
      for (const aheadSeconds of SET) {
        clock.set(aheadSeconds);
        const isChecked = (): boolean => {
          const text = existsSync(record) ? readFileSync(record, 'utf8') : undefined;
          const [check] = text === undefined ? [] : parseDriftRecord(text).domains.values();
          if (check === undefined || check.isDrifted) return false;
          return Math.abs(check.checkedAtMs - (Date.now() + aheadSeconds * 1_000)) < (HOUR * 1_000) / 2;
        };
        await until('a check at the new time', 60_000, isChecked);
        await host.movePin('pg-orders');
        restored++;
        await watching.says(new RegExp(`(?:restoring them[^]*){${restored}}`));
        await until('a check that finds the pin again', 60_000, isChecked);
      }
      const { code, stderr } = await watching.stop('SIGTERM');
      expect(stderr).not.toMatch(/TUNE_LOCKED|took over/);
      expect([code, stderr.match(/restoring them/g)?.length]).toEqual([0, SET.length]);
      expect(await host.run('drift')).toMatchObject({ code: 0 });
    } finally {
      await host.stop();
    }
  },
);
