import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { elasticsearchOptions } from '../../cli/elasticsearch-flags.ts';
import { otlpOptions } from '../../cli/otlp-flags.ts';
import { type RunningExporter, runExporter } from '../../cli/run-exporter.ts';
import { DiskQueue } from '../../exporter/queue/queue.ts';
import { SinkSlot } from '../../exporter/sink-slot.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { figure, parseExposition } from '../exposition.ts';

let demo: Demo;
let folder: string;
let file: string;
let exporter: RunningExporter | undefined;
beforeAll(async () => {
  demo = await startDemo();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-reload-'));
  file = join(folder, 'virtune.yaml');
});
afterEach(async () => {
  await exporter?.close();
  exporter = undefined;
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(async () => {
  await demo.stop();
});

/** Writes a configuration with both sinks; no server answers at either address. */
const write = (search: string, otlp: string, more = ''): void =>
  writeFileSync(
    file,
    [
      `local: "${demo.uri}"`,
      `elasticsearch: { nodes: ["http://127.0.0.1:1"], interval: 1, ${search} }`,
      `otlp: { endpoint: "http://127.0.0.1:1", interval: 1, ${otlp} }`,
      more,
    ].join('\n'),
  );

async function start(flags = {}): Promise<RunningExporter> {
  exporter = await runExporter({
    listen: '127.0.0.1:0',
    configFile: file,
    lifecycle: true,
    elasticsearch: (of) => elasticsearchOptions(flags, of),
    otlp: (of) => otlpOptions(flags, of),
  });
  return exporter;
}

async function own(name: string, labels = {}): Promise<number | undefined> {
  const text = await (await fetch(`${exporter?.url}/metrics`)).text();
  return figure(parseExposition(text), `virtune_${name}`, labels);
}

const holdQueue = (dir: string): Promise<DiskQueue> =>
  DiskQueue.open({
    dir: join(folder, dir),
    kind: 'otlp',
    maxBytes: 1e9,
    maxAgeMs: 1e9,
    now: Date.now,
    onDrop: () => undefined,
    onTrouble: () => undefined,
  });

test('both sinks with one folder are an error at the start that names both settings, before a queue is created', async () => {
  write('queue_dir: q', 'queue_dir: ./q/');
  await expect(start()).rejects.toMatchObject({
    code: 'CONFIG',
    message: `elasticsearch.queue_dir in ${file} and otlp.queue_dir in ${file} are one folder, ${join(folder, 'q')}, and each sink needs a separate one; change --elasticsearch.queue-dir (elasticsearch.queue_dir in the configuration file) or --otlp.queue-dir (otlp.queue_dir in the configuration file)`,
  });
  mkdirSync(join(folder, 'q'));
  symlinkSync('q', join(folder, 'link'));
  await expect(start({ 'otlp.queueDir': join(folder, 'link') })).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringMatching(/^elasticsearch\.queue_dir in .* and --otlp\.queue-dir are one folder/),
  });
});

test.each([
  ['es', 'es/parked/metrics-kvm.vm-default', /^otlp\.queue_dir .*, is inside elasticsearch\.queue_dir in /],
  ['otlp/dead-letters', 'otlp', /^elasticsearch\.queue_dir .*, is inside otlp\.queue_dir in /],
  ['link/es', 'real', /^elasticsearch\.queue_dir .*, is inside otlp\.queue_dir in /],
])(
  'a queue of one sink inside that of the other is an error at the start: %s, %s',
  async (search, otlp, message) => {
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    write(`queue_dir: ${search}`, `queue_dir: ${otlp}`);
    await expect(start()).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(message),
    });
    expect(readdirSync(folder).sort(), 'no queue is created').toEqual(['link', 'real', 'virtune.yaml']);
  },
);

test('folders beside each other are separate, also when the name of one begins with that of the other', async () => {
  write('queue_dir: queue', 'queue_dir: queue-otlp');
  await start();
  expect((await fetch(`${exporter?.url}/-/healthy`)).status).toBe(200);
});

test('a reload with a queue that is in use changes nothing: both sinks, hosts and their settings stay', async () => {
  write('queue_dir: es, queue_size: 1MiB', 'queue_dir: otlp, queue_size: 1MiB');
  await start();
  const held = await holdQueue('other');
  const logged: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => logged.push(String(text)) > 0);
  write(
    'queue_dir: es, queue_size: 2MiB',
    'queue_dir: other, queue_size: 2MiB',
    `hosts: { kvm1: { uri: "${demo.uri}" } }`,
  );
  const answer = await fetch(`${exporter?.url}/-/reload`, { method: 'POST' });
  expect([answer.status, await answer.text()]).toEqual([
    500,
    expect.stringMatching(/not reloaded, the old one stays in use; .* correct it and reload again/),
  ]);
  expect(logged).toContainEqual(
    `virtune: the configuration was not reloaded, the old one stays in use; correct this and reload again: ${join(folder, 'other')}: another exporter uses this queue; stop it, or choose a separate folder for this one with --otlp.queue-dir (otlp.queue_dir in the configuration file) [QUEUE_IN_USE]\n`,
  );
  expect((await fetch(`${exporter?.url}/probe?target=kvm1`)).status).toBe(404);
  for (const sink of ['elasticsearch', 'otlp']) {
    expect(await own(`${sink}_queue_max_bytes`)).toBe(1_024 ** 2);
    await vi.waitFor(
      async () => expect(await own(`${sink}_ticks_total`, { outcome: 'ok' })).toBeGreaterThan(0),
      { timeout: 20_000 },
    );
  }
  await held.close();
  await exporter?.reload();
  for (const sink of ['elasticsearch', 'otlp']) {
    expect(await own(`${sink}_queue_max_bytes`)).toBe(2 * 1_024 ** 2);
  }
  expect((await fetch(`${exporter?.url}/probe?target=kvm1`)).status).toBe(200);
});

test('when neither the new sink nor the old one can be opened, that nothing is sent is reported, and the next reload opens it', async () => {
  const failing = new Set<string>();
  const lost: string[] = [];
  const slot = new SinkSlot<string, { readonly fingerprint: string }>({
    settingsOf: async (options) => ({ fingerprint: options }),
    open: async (settings) => {
      if (failing.has(settings.fingerprint)) throw new Error(`${settings.fingerprint} cannot be opened`);
      const nothing = async (): Promise<void> => undefined;
      return { settings, watch: nothing, text: () => settings.fingerprint, close: nothing };
    },
    hosts: () => ({ local: undefined, others: [] }),
    onLost: ({ message }) => lost.push(message),
  });
  await slot.use('old');
  failing.add('new');
  await expect(slot.use('new')).rejects.toThrow('new cannot be opened');
  expect([slot.text('text'), lost]).toEqual(['old', []]);
  failing.add('old');
  await expect(slot.use('new')).rejects.toThrow('new cannot be opened');
  expect([slot.text('text'), lost]).toEqual(['', ['old cannot be opened']]);
  failing.clear();
  await slot.use('old');
  expect(slot.text('text')).toBe('old');
});

test('settings that a sink refuses are an error when they are checked, before anything is opened or closed', async () => {
  const slot = new SinkSlot<string, { readonly fingerprint: string }>({
    settingsOf: async (options) => {
      throw new Error(`${options} is wrong`);
    },
    open: () => expect.unreachable(),
    hosts: () => expect.unreachable(),
    onLost: () => expect.unreachable(),
  });
  await expect(slot.check('this')).rejects.toThrow('this is wrong');
  await expect(slot.check(undefined)).resolves.toBeUndefined();
});
