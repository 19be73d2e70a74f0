import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TunedDemo } from '../cli/tuned-demo.ts';
import { type BulkServer, startBulkServer } from '../exporter/elasticsearch/bulk-server.ts';
import { figure, parseExposition, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { FaultyDisk } from './lab/faulty-disk/faulty-disk.ts';
import { sleep, until } from './lab/run.ts';

/* What virtune reads and writes on a file system that stops answering: a mounted one, and the kernel's own waiting. */

/** The nightly run covers each command, with more scrapes. */
const ALL = process.env['VIRTUNE_HOST_FAULTS'] === 'all';
const SCRAPES = ALL ? 30 : 6;
/** Each test waits for things that take seconds on an idle machine. */
const TIMEOUT_MS = 300_000;

let folder: string;
let disk: FaultyDisk;
let demo: TunedDemo;
let server: BulkServer;
let virtune: VirtuneProcess | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-hung-'));
  // Large enough for a backlog that grows from test to test, since nothing accepts the documents.
  disk = await FaultyDisk.mount(join(folder, 'disk'), 65_536);
  demo = await TunedDemo.start();
  server = await startBulkServer();
});
afterEach(async () => {
  await disk.release();
  await disk.resume();
  await virtune?.stop('SIGKILL');
  virtune = undefined;
});
afterAll(async () => {
  server.stop();
  await demo.stop();
  await disk.unmount();
  rmSync(folder, { recursive: true, force: true });
});

const onDisk = (name: string): string => join(disk.path, name);

/** Keeps its queues, output and the tuner's drift record on the disk: as many files as libuv has threads by default. */
function exporter(): VirtuneProcess {
  return new VirtuneProcess(
    'exporter',
    ...['--connect', demo.demo.uri, '--listen', '127.0.0.1:0', '--local'],
    ...['--path.drift', onDisk('drift.json')],
    ...['--output', `ndjson:${onDisk('documents.ndjson')}`, '--output.interval', '1s'],
    ...['--elasticsearch', server.url, '--elasticsearch.interval', '1s'],
    ...['--elasticsearch.queue-dir', onDisk('queue')],
    // Nothing listens there.
    ...['--otlp.endpoint', 'http://127.0.0.1:9', '--otlp.interval', '1s', '--otlp.queue-dir', onDisk('otlp')],
  );
}

/** Compressed, which occupies a libuv thread just as file access does. */
async function scrape(of: VirtuneProcess): Promise<Series[]> {
  return parseExposition(await of.text({ 'accept-encoding': 'gzip' }));
}

const threadsOf = ({ pid }: VirtuneProcess): string[] => readdirSync(`/proc/${pid}/task`);
const counted = (series: readonly Series[], name: string): number =>
  figure(series, `virtune_elasticsearch_${name}`) ?? 0;

/** Whether one of its threads waits for the disk (fs/fuse/dev.c). */
function isWaiting({ pid }: VirtuneProcess): boolean {
  return readdirSync(`/proc/${pid}/task`).some((task) =>
    readFileSync(`/proc/${pid}/task/${task}/wchan`, 'utf8').includes('request_wait_answer'),
  );
}

async function scrapesBeside(of: VirtuneProcess, hang: () => Promise<void>): Promise<void> {
  await scrape(of);
  await until('documents', 60_000, () => server.documents.length > 0);
  const before = { threads: threadsOf(of).length, rssKiB: of.rssKiB };
  await hang();
  await until('the disk to be waited for', 30_000, () => isWaiting(of));
  for (let count = 0; count < SCRAPES; count++) {
    expect(figure(await scrape(of), 'libvirt_up')).toBe(1);
    await sleep(500);
  }
  console.log(
    `${SCRAPES} scrapes: ${before.rssKiB} to ${of.rssKiB} KiB, ${before.threads} to ${threadsOf(of).length} threads`,
  );
  expect(threadsOf(of).length).toBeLessThanOrEqual(before.threads);
  expect(of.rssKiB).toBeLessThan(before.rssKiB * 1.5);
}

/** Documents left by an earlier process, derived from the totals of the first scrape. */
function inheritedIn(series: readonly Series[]): number {
  return counted(series, 'sent_total') + counted(series, 'queue_documents') - counted(series, 'queued_total');
}

async function nothingLost(of: VirtuneProcess, inherited = 0): Promise<void> {
  await until('all documents to be sent', 60_000, async () => {
    const series = await scrape(of);
    const [queued, sent] = [counted(series, 'queued_total'), counted(series, 'sent_total')];
    return sent > inherited && queued + inherited - sent === counted(series, 'queue_documents');
  });
  for (const reason of ['disk', 'queue_full', 'too_old', 'damaged'])
    expect(figure(await scrape(of), 'virtune_elasticsearch_dropped_total', { reason })).toBe(0);
}

test(
  'scrapes go on and nothing grows while the queue, the output and the drift record are on a file system that hangs; then no document is lost, and the exporter ends while it hangs again',
  async () => {
    virtune = exporter();
    await scrapesBeside(virtune, () => disk.stop());
    await disk.resume();
    await nothingLost(virtune);
    await disk.stop();
    const { code, stderr } = await virtune.stop('SIGTERM');
    expect(stderr).toContain('virtune: SIGTERM, closing');
    expect(stderr).toContain('virtune: a file system does not answer');
    expect(code).toBe(0);
  },
  TIMEOUT_MS,
);

/** Its configuration, and the files that this names, are on the disk. */
function configured(): VirtuneProcess {
  writeFileSync(onDisk('api-key'), 'key\n');
  writeFileSync(onDisk('headers'), 'x-scope-orgid: ops\n');
  writeFileSync(onDisk('web.yml'), 'rate_limit: { interval: 1s, burst: 1000 }\n');
  writeFileSync(
    onDisk('virtune.yml'),
    [
      `local: ${demo.demo.uri}`,
      `elasticsearch: { nodes: ["${server.url}"], api_key_file: api-key, interval: 1s, queue_dir: ${join(folder, 'queue')} }`,
      // Nothing listens there: the headers are read again at each attempt.
      `otlp: { endpoint: "http://127.0.0.1:9", headers_file: headers, interval: 1s, queue_dir: ${join(folder, 'otlp')} }`,
    ].join('\n'),
  );
  return new VirtuneProcess(
    ...['exporter', '--listen', '127.0.0.1:0', '--config.file', onDisk('virtune.yml')],
    ...['--web.config.file', onDisk('web.yml')],
  );
}

test(
  'scrapes go on while configuration and secrets are on a file system that hangs: a reload says so, what was read counts, and all is read again with it',
  async () => {
    const one = configured();
    virtune = one;
    await scrape(one);
    await until('documents', 60_000, () => server.documents.length > 0);
    await disk.stop();
    process.kill(one.pid, 'SIGHUP');
    let longestMs = 0;
    const said = one.says(/the configuration was not reloaded, .*virtune\.yml cannot be read: ETIMEDOUT/);
    for (let isOver = false; !isOver; ) {
      isOver = await Promise.race([said.then(() => true), sleep(500).then(() => false)]);
      const startedMs = performance.now();
      const sent = server.documents.length;
      expect(figure(await scrape(one), 'libvirt_up')).toBe(1);
      longestMs = Math.max(longestMs, performance.now() - startedMs);
      await until('more documents', 30_000, () => server.documents.length > sent);
    }
    console.log(`longest scrape: ${Math.round(longestMs)} ms`);
    expect(figure(await scrape(one), 'virtune_config_last_reload_successful')).toBe(0);
    await one.says(
      /headers cannot be read: ETIMEDOUT: its file system did not answer within 5 s; .* stays in use until it can be read again/,
    );
    await disk.resume();
    await one.says(/headers can be read again/);
    process.kill(one.pid, 'SIGHUP');
    await one.says(/the configuration was reloaded/);
    const { stderr } = await one.stop('SIGTERM');
    expect(stderr.match(/headers cannot be read/g)).toHaveLength(1);
  },
  TIMEOUT_MS,
);

test.runIf(ALL)(
  'an exporter whose configuration is on a file system that hangs ends with an error that names the file',
  async () => {
    await await configured().stop('SIGTERM');
    await disk.stop();
    virtune = new VirtuneProcess(
      'exporter',
      '--listen',
      '127.0.0.1:0',
      '--config.file',
      onDisk('virtune.yml'),
    );
    const { code, stderr } = await virtune.ended;
    expect(stderr).toContain(
      `${onDisk('virtune.yml')} cannot be read: ETIMEDOUT: its file system did not answer within 10 s; check the file system that it is on [CONFIG]`,
    );
    // The unit restarts it.
    expect(code).toBe(75);
  },
  TIMEOUT_MS,
);

test.runIf(ALL)(
  'scrapes go on beside a disk that does not answer, and processes that nothing can kill',
  async () => {
    virtune = exporter();
    await scrapesBeside(virtune, () => disk.hold());
    await disk.release();
    await nothingLost(virtune);
  },
  TIMEOUT_MS,
);

test.runIf(ALL)(
  'an exporter that is killed while its queue is on a file system that hangs goes on with it when it is started again',
  async () => {
    const first = exporter();
    virtune = first;
    server.hang = true;
    await scrape(first);
    await until(
      'documents in the queue',
      60_000,
      async () => counted(await scrape(first), 'queue_documents') > 0,
    );
    await disk.stop();
    await until('the disk to be waited for', 30_000, () => isWaiting(first));
    await first.stop('SIGKILL');
    await disk.resume();
    const sent = server.documents.length;
    server.hang = false;
    virtune = exporter();
    const inherited = inheritedIn(await scrape(virtune));
    expect(inherited).toBeGreaterThan(0);
    await until('the documents from before', 60_000, () => server.documents.length >= sent + inherited);
    await nothingLost(virtune, inherited);
  },
  TIMEOUT_MS,
);

test.runIf(ALL).each([
  ['apply', ['apply', 'pg-orders', '--profile', 'oltp-database', '--yes']],
  ['recover', ['recover']],
])(
  'virtune tune %s ends when asked to, with nothing changed, while its state folder is on a file system that hangs',
  async (_, args) => {
    mkdirSync(onDisk('state'), { recursive: true, mode: 0o700 });
    await disk.stop();
    virtune = demo.begin(...args, '--state-dir', onDisk('state'));
    await until('the file system to be waited for', 60_000, () => isWaiting(virtune as VirtuneProcess));
    const { code, stderr } = await virtune.stop('SIGTERM');
    expect(stderr).toContain('nothing was changed [TUNE_STOPPED]');
    expect(stderr).toContain('virtune: a file system does not answer');
    expect(code).toBe(1);
  },
);

test.runIf(ALL)(
  'virtune tune watch ends when asked to while the drift record is on a file system that hangs',
  async () => {
    await disk.stop();
    virtune = demo.begin('watch', '--record-file', onDisk('drift.json'));
    await until('the file system to be waited for', 60_000, () => isWaiting(virtune as VirtuneProcess));
    const { code, stderr } = await virtune.stop('SIGTERM');
    expect(stderr).toContain('virtune: SIGTERM, closing');
    expect(code).toBe(0);
  },
);

test.runIf(ALL)(
  'virtune top ends when asked to while its recording is on a file system that hangs',
  async () => {
    virtune = new VirtuneProcess(
      ...['top', '--connect', demo.demo.uri, '--batch', '--json', '--delay', '0.2s'],
      ...['--record', onDisk('recording')],
    );
    await virtune.prints(/\n.*\n/);
    await disk.stop();
    await until('the file system to be waited for', 60_000, () => isWaiting(virtune as VirtuneProcess));
    const { code, stderr } = await virtune.stop('SIGTERM');
    expect(stderr).toContain('virtune: a file system does not answer');
    expect(code).not.toBeNull();
  },
);
