import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NODE_FLAGS, withFlags } from '../../build/node-flags.ts';

const SCRIPT =
  '#!/usr/bin/env node\nconsole.log(JSON.stringify([process.execArgv, process.argv.slice(2)]));\n';
const WORDS = ['--listen', ':9177', 'two words', '$HOME "*"', "it's", ''];

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-flags-'));
  file = join(folder, 'command.mjs');
  writeFileSync(file, withFlags(SCRIPT));
  chmodSync(file, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (command: string, args: readonly string[]): unknown =>
  JSON.parse(
    execFileSync(command, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    }),
  );

test('a script with flags starts Node.js with them, and gets its arguments as they are, through the link that npm makes', () => {
  const link = join(folder, 'linked command');
  symlinkSync(file, link);
  expect(run(link, WORDS)).toEqual([NODE_FLAGS, WORDS]);
});

test('a script with flags can be given to Node.js, too', () => {
  expect(run(process.execPath, [file, ...WORDS])).toEqual([[], WORDS]);
});
