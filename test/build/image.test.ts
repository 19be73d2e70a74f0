import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
// biome-ignore lint/suspicious/noTemplateCurlyInString: as the Dockerfile has it
const BASE = '${NODE_IMAGE}';
const instructions = read('deploy/container/Dockerfile')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line));
const of = (name: string): string[] =>
  instructions
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length + 1).trim());

test('the image has the Node.js of the lockfile in both stages', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { version: string }>;
  };
  expect(of('ARG')).toEqual([`NODE_IMAGE=node:${packages['node_modules/node']?.version}-bookworm-slim`]);
  expect(of('FROM')).toEqual([`${BASE} AS build`, BASE]);
});

test('packages come from the lockfile, and the final image installs nothing', () => {
  const final = instructions.slice(instructions.lastIndexOf(`FROM ${BASE}`));
  expect(of('RUN').filter((line) => /npm (ci|install|i) /.test(line))).toEqual(['npm ci --no-progress']);
  expect(final.filter((line) => /npm (ci|install|exec)|curl|wget|apt/.test(line))).toEqual([]);
  expect(final.some((line) => line.startsWith('RUN rm -rf') && line.includes('/usr/local/bin/npm'))).toBe(
    true,
  );
});

test('the image runs as a user by number that is not root and owns nothing', () => {
  expect(of('USER')).toEqual(['65534:65534']);
  expect(of('COPY').at(-1)).toContain('--chown=0:0');
});

test.each(['node:24.21.0-bookworm-slim', 'node@sha1:abc', ''.padEnd(3, 'x')])(
  'build.sh refuses the base %j, which is not by digest',
  (base) => {
    const { status, stderr } = spawnSync('bash', ['deploy/container/build.sh'], {
      cwd: ROOT,
      env: { ...process.env, BASE: base },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining('not an image by digest')]);
  },
);
