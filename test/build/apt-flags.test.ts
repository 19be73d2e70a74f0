import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { aptFlags } from '../../build/image/debian.ts';

const run = promisify(execFile);
const hasApt = spawnSync('apt-get', ['--version']).status === 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-apt-'));
  for (const each of ['lists/partial', 'cache/archives/partial', 'empty'])
    mkdirSync(join(folder, each), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** An archive without packages, and the hash of their empty list. */
const RELEASE = `SHA256:\n ${createHash('sha256').update('').digest('hex')} 0 Packages\n`;
const FILES: Readonly<Record<string, string>> = { Release: RELEASE, Packages: '' };

/** Runs `apt-get update` for two suites: one on a working server, the other at the given port or on the same server. */
async function update(otherPort?: number): Promise<void> {
  const server = createServer(({ url = '' }, response) => {
    const file = FILES[url.split('/').at(-1) ?? ''];
    response.statusCode = file === undefined ? 404 : 200;
    response.end(file);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const line = (at: number, suite: string): string => `deb [trusted=yes] http://127.0.0.1:${at} ${suite}/\n`;
  writeFileSync(join(folder, 'sources.list'), line(port, 'main') + line(otherPort ?? port, 'security'));
  const flags = [
    ...aptFlags(folder, 'amd64'),
    '-o',
    'Acquire::Retries=0',
    '-o',
    'Acquire::http::Proxy=DIRECT',
  ];
  try {
    await run('apt-get', ['-qq', ...flags, 'update']);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test.skipIf(!hasApt)('an image is built from all lists of packages', async () => {
  await update();
});

test.skipIf(!hasApt)(
  'a list of security updates that cannot be had at the moment ends the build of the image',
  async () => {
    // Nothing listens there. An error response of a server is an error to apt-get in any case.
    await expect(update(1)).rejects.toMatchObject({
      code: 100,
      stderr: expect.stringContaining('/security/'),
    });
  },
);
