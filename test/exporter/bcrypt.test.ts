import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { expect, test } from 'vitest';
import { Bcrypt } from '../../exporter/http/bcrypt.ts';

test('a thread that dies admits no client, and does not use up the answer of its successor', async () => {
  const bcrypt = new Bcrypt();
  const hash = hashSync('right', 4);
  // A configuration never allows this value; it makes the thread fail.
  expect(await bcrypt.compare('right', 1 as unknown as string)).toBe(false);
  expect(await bcrypt.compare('right', hash)).toBe(true);
  expect(await bcrypt.compare('wrong', hash)).toBe(false);
});

test('a process that has checked a password ends when nothing else keeps it', () => {
  const child = join(import.meta.dirname, 'bcrypt-child.ts');
  const ended = spawnSync(process.execPath, [child, 'right', hashSync('right', 4)], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect([ended.status, ended.signal, ended.stdout]).toEqual([0, null, 'true']);
}, 90_000);
