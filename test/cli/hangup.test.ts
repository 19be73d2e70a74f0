import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { outputOf } from '../child-output.ts';
import { figure } from '../exposition.ts';
import { VIRTUNE, VirtuneProcess } from '../virtune-process.ts';

const POLL = { timeout: 30_000 };

let demo: Demo;
let folder: string;
beforeEach(async () => {
  demo = await startDemo();
  folder = mkdtempSync(join(tmpdir(), 'virtune-hangup-'));
});
afterEach(async () => {
  await demo.stop();
  rmSync(folder, { recursive: true });
});

const flags = (): string[] => ['exporter', '-c', demo.uri, '--listen', '127.0.0.1:0'];

test('a hangup without a file to reload ends no service: it is logged, and scrapes go on', async () => {
  const exporter = new VirtuneProcess(...flags());
  try {
    await exporter.url();
    exporter.signal('SIGHUP');
    await exporter.says(/nothing to reload/);
    expect(figure(await exporter.scrape(), 'libvirt_up')).toBe(1);
    expect(await exporter.stop()).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('SIGTERM, closing'),
    });
  } finally {
    await exporter.stop('SIGKILL');
  }
}, 60_000);

test('a hangup reads the key of a search server that flags set, and the queue is closed in order afterwards', async () => {
  const keys: (string | undefined)[] = [];
  // It is overloaded but does not reject the key, so only a reload makes virtune read the key.
  const server = createServer(({ headers }, response) => {
    keys.push(headers.authorization);
    response.writeHead(503).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const file = join(folder, 'key');
  writeFileSync(file, 'b2xk\n');
  const exporter = new VirtuneProcess(
    ...flags(),
    ...['--elasticsearch', `http://127.0.0.1:${(server.address() as AddressInfo).port}`],
    ...['--elasticsearch.api-key-file', file, '--elasticsearch.queue-dir', join(folder, 'queue')],
    ...['--elasticsearch.interval', '1s'],
  );
  try {
    await exporter.url();
    await expect.poll(() => keys, POLL).toContain('ApiKey b2xk');
    writeFileSync(file, 'bmV3\n');
    exporter.signal('SIGHUP');
    await expect.poll(() => keys, POLL).toContain('ApiKey bmV3');
    expect(await exporter.stop()).toMatchObject({ code: 0, stderr: expect.stringContaining('was reloaded') });
  } finally {
    await exporter.stop('SIGKILL');
    server.closeAllConnections();
    server.close();
  }
}, 90_000);

test('in a terminal that hangs up, an exporter without files ends in order', async () => {
  const pidFile = join(folder, 'pid');
  const quoted = [...VIRTUNE, ...flags()].map((word) => `'${word}'`).join(' ');
  const terminal = spawn(
    'script',
    ['--quiet', '--return', '--command', `echo $$ >'${pidFile}'; exec ${quoted}`, '/dev/null'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let shown = '';
  terminal.stdout.on('data', (text) => {
    shown += text;
  });
  const ended = outputOf(terminal);
  try {
    await expect.poll(() => shown, POLL).toContain('/metrics');
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGHUP');
    expect(await ended).toMatchObject({ status: 0, stdout: expect.stringContaining('SIGHUP, closing') });
  } finally {
    terminal.kill('SIGKILL');
  }
}, 60_000);
