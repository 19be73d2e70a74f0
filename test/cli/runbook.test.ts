import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runVirtune } from '../virtune-process.ts';

const RUNBOOKS = join(import.meta.dirname, '../../docs/runbooks');

test('a runbook is printed by the name of its alert, in upper or lower case', async () => {
  const { code, stdout } = await runVirtune('runbook', 'hostoomkill');
  expect(code).toBe(0);
  expect(stdout).toBe(readFileSync(join(RUNBOOKS, 'HostOomKill.md'), 'utf8'));
});

test('without an alert the runbooks are listed', async () => {
  const { code, stdout } = await runVirtune('runbook');
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n')).toEqual(expect.arrayContaining(['DiskErrors', 'HostOomKill']));
});

test.each(['NoSuchAlert', '../errors', '/etc/passwd'])(
  'what is not the name of an alert is an error: %s',
  async (alert) => {
    const { code, stdout, stderr } = await runVirtune('runbook', alert);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('list the runbooks with virtune runbook [USAGE]');
  },
);

test('the license is printed', async () => {
  const { code, stdout } = await runVirtune('licenses');
  expect(code).toBe(0);
  expect(stdout).toContain('Apache License');
});
