import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { fieldsOf } from '../../../exporter/documents/fields.ts';
import type { StreamName } from '../../../exporter/documents/streams.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { figure, parseExposition } from '../../exposition.ts';
import { VIRTUNE, VirtuneProcess } from '../../virtune-process.ts';

const [COMMAND, ...FIRST] = VIRTUNE;
const WAIT = { timeout: 20_000, interval: 50 };
const folder = mkdtempSync(join(tmpdir(), 'virtune-ndjson-'));
let demo: Demo;
let virtune: VirtuneProcess | undefined;
beforeAll(async () => {
  demo = await startDemo();
});
afterEach(async () => {
  await virtune?.stop();
  virtune = undefined;
});
afterAll(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true, force: true });
});

const withOutput = (output: string): string[] => [
  'exporter',
  ...['--connect', demo.uri, '--listen', '127.0.0.1:0'],
  ...['--output', output, '--output.interval', '1', '--output.namespace', 'prod'],
];
const written = async (): Promise<number> =>
  figure((await virtune?.scrape()) ?? [], 'virtune_output_documents_total') ?? 0;
const linesOf = (text: string): Record<string, unknown>[] => {
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

test('standard output has a document on each line and nothing else, the same that a search server gets', async () => {
  virtune = new VirtuneProcess(...withOutput('ndjson'));
  await virtune.url();
  await vi.waitFor(async () => expect(await written()).toBeGreaterThan(50), WAIT);
  const series = await virtune.scrape();
  expect(figure(series, 'virtune_output_ticks_total', { outcome: 'ok' })).toBeGreaterThan(0);
  expect(figure(series, 'virtune_output_dropped_total', { reason: 'buffer_full' })).toBe(0);
  const { stdout, code } = await virtune.stop();
  virtune = undefined;
  expect(code).toBe(0);
  const documents = linesOf(stdout);
  expect(documents.filter((each) => each['metricset.name'] === 'vm').length % demo.scenario.vms.length).toBe(
    0,
  );
  for (const document of documents) {
    expect(document['data_stream.namespace']).toBe('prod');
    const known = new Set(fieldsOf(document['metricset.name'] as StreamName).map(({ name }) => name));
    for (const name of Object.keys(document)) expect(known.has(name), name).toBe(true);
  }
});

test('a file is reopened on SIGHUP, so that it can be rotated without a lost line', async () => {
  const path = join(folder, 'documents.ndjson');
  virtune = new VirtuneProcess(...withOutput(`ndjson:${path}`));
  await virtune.url();
  await vi.waitFor(async () => expect(await written()).toBeGreaterThan(0), WAIT);
  renameSync(path, `${path}.1`);
  virtune.signal('SIGHUP');
  await virtune.says(/was reloaded/);
  const before = await written();
  await vi.waitFor(async () => expect(await written()).toBeGreaterThan(before), WAIT);
  const { stdout } = await virtune.stop();
  virtune = undefined;
  expect(stdout).toBe('');
  const [old, now] = [`${path}.1`, path].map((file) => linesOf(readFileSync(file, 'utf8')));
  expect(old?.length).toBeGreaterThan(0);
  const last = String(old?.at(-1)?.['@timestamp']);
  for (const document of now ?? []) expect(String(document['@timestamp']) >= last).toBe(true);
});

test('a reader that does not read delays no scrape: all are answered, and the documents wait', async () => {
  const child = spawn(COMMAND, [...FIRST, ...withOutput('ndjson')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await vi.waitFor(() => expect(log).toMatch(/serving/), WAIT);
    const url = /serving (\S+)\/metrics/.exec(log)?.[1];
    const scrape = async () => parseExposition(await (await fetch(`${url}/metrics`)).text());
    // A pipe holds 64 KiB, and the stream at this end of it a little more.
    await vi.waitFor(
      async () => expect(figure(await scrape(), 'virtune_output_buffered_bytes')).toBeGreaterThan(0),
      WAIT,
    );
    for (let count = 0; count < 5; count++) expect(figure(await scrape(), 'libvirt_up')).toBe(1);
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    child.stdout.resume();
    expect(await ended).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
});

test('documents that a shutdown leaves to a reader that does not read are logged at its end', async () => {
  const child = spawn(COMMAND, [...FIRST, ...withOutput('ndjson')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    await vi.waitFor(() => expect(log).toMatch(/serving/), WAIT);
    const url = /serving (\S+)\/metrics/.exec(log)?.[1];
    const buffered = async (): Promise<number | undefined> =>
      figure(parseExposition(await (await fetch(`${url}/metrics`)).text()), 'virtune_output_buffered_bytes');
    await vi.waitFor(async () => expect(await buffered()).toBeGreaterThan(0), WAIT);
    child.kill('SIGTERM');
    await vi.waitFor(
      () =>
        expect(log).toMatch(
          /output: \d+ documents could not be written to standard output before virtune stopped, .* \[OUTPUT_SLOW\]$/m,
        ),
      WAIT,
    );
    expect(log).not.toContain('cannot keep up');
  } finally {
    child.kill('SIGKILL');
  }
});

test('a reader that is gone ends the exporter with a code and an exit code, as a script or systemd sees it', async () => {
  const child = spawn(COMMAND, [...FIRST, ...withOutput('ndjson')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  // Like head -1.
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(log).toMatch(/^virtune: the reader of standard output is gone: .*EPIPE.* \[OUTPUT_CLOSED\]$/m);
  expect(code).toBe(69);
});

test.each([
  ['--output.interval', '5s'],
  ['--output.namespace', 'prod'],
])('%s without --output is refused: nothing would be written', async (flag, value) => {
  const refused = new VirtuneProcess('exporter', '--connect', demo.uri, flag, value);
  const { code, stderr } = await refused.ended;
  expect(code).toBe(64);
  expect(stderr).toBe(
    `virtune: ${flag} has no effect without --output; add --output ndjson[:FILE] [USAGE]\n`,
  );
});

test.each([
  ['csv', 'Expected ndjson'],
  ['ndjson:', 'Expected ndjson'],
  ['ndjson:/nowhere/documents', 'OUTPUT_FILE'],
])('--output %s is refused before anything is served', async (output, reason) => {
  const refused = new VirtuneProcess(...withOutput(output));
  const { code, stderr } = await refused.ended;
  expect(code).toBe(64);
  expect(stderr).toContain(reason);
});
