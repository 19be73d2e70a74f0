import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TunedDemo } from '../cli/tuned-demo.ts';
import { runVirtune, VirtuneProcess } from '../virtune-process.ts';
import { filled, readGuide, readRunbooks } from './runbooks.ts';

/** Each test starts several processes. */
const TIMEOUT_MS = 180_000;

const VALUES = {
  VM: 'web-01',
  NEIGHBOUR: 'web-02',
  PROFILE: 'balanced',
  FILE: 'tuner/profiles/balanced.yaml',
};

/** Commands that the demo cannot run, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'virtune elasticsearch setup --elasticsearch https://SEARCH:9200 --elasticsearch.api-key-file FILE':
    'it needs a search server: test/live/elasticsearch.live.ts runs it on real ones',
  'virtune elasticsearch dead-letters resend':
    'it needs a search server: test/live/elasticsearch-setup.live.ts sends dead letters to real ones',
  'virtune elasticsearch dead-letters drop --yes':
    'it needs dead letters: test/exporter/elasticsearch/dead-letters.test.ts deletes some',
};

/** Every call of virtune in a runbook, once. */
const calls = [
  ...new Set(
    [...readRunbooks(), readGuide()]
      .flatMap(({ commands }) => commands.map(({ text }) => text.replace(/^.* && virtune/, 'virtune')))
      .filter((text) => text.startsWith('virtune ')),
  ),
].filter((call) => !(call in NOT_RUN));

const isChange = (call: string): boolean =>
  /^virtune tune (apply|rollback|hugepages --allocate|watch)/.test(call);
const wordsOf = (call: string): string[] => filled(call, VALUES).split(' ').slice(2);

let host: TunedDemo;
beforeAll(async () => {
  host = await tunedDemo();
}, TIMEOUT_MS);
afterAll(() => host?.stop());

/** A host with a VM to which an operator has applied a profile. */
async function tunedDemo(): Promise<TunedDemo> {
  const demo = await TunedDemo.start();
  const applied = await demo.run('apply', VALUES.VM, '--profile', VALUES.PROFILE, '--yes');
  if (applied.code !== 0) throw new Error(applied.stderr);
  return demo;
}

/** The default drift record is in /run/virtune, where a test may not write. */
const elsewhere = (words: readonly string[]): string[] =>
  words.flatMap((word) => (word === '--record' ? ['--record-file', join(host.folder, 'drift.json')] : word));

test('runbooks call virtune in all of its ways', () => {
  expect(calls.length).toBeGreaterThan(15);
  expect(calls.filter(isChange).length).toBeGreaterThan(5);
});

test.concurrent.each(calls.filter((call) => !isChange(call) && call.startsWith('virtune tune')))(
  '%s shows something, changes nothing and exits with 0',
  { timeout: TIMEOUT_MS },
  async (call) => {
    const before = host.picture();
    const { code, stdout, stderr } = call.includes(' profiles ')
      ? await new VirtuneProcess('tune', ...wordsOf(call)).ended
      : await host.run(...elsewhere(wordsOf(call)));
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout.trim()).not.toBe('');
    expect(host.picture()).toEqual(before);
  },
);

test('virtune top shows the VMs until it is interrupted', { timeout: TIMEOUT_MS }, async () => {
  expect(calls.filter((call) => !/^virtune (tune|dashboards)/.test(call))).toEqual(['virtune top']);
  const top = new VirtuneProcess('top', '--connect', host.demo.uri, '--no-config');
  await top.prints(/web-01 /);
  expect(await top.stop('SIGINT')).toMatchObject({ code: 0, stderr: '' });
});

test('virtune dashboards build writes rules for another job', { timeout: TIMEOUT_MS }, async () => {
  const [build = '', ...others] = calls.filter((call) => call.startsWith('virtune dashboards'));
  expect(others).toEqual([]);
  const folder = mkdtempSync(join(tmpdir(), 'virtune-runbook-'));
  try {
    const words = filled(build, { JOB: 'kvm', DIR: folder }).split(' ').slice(1);
    expect(await runVirtune(...words)).toMatchObject({ code: 0 });
    // As in the runbook: in its folder `prometheus`.
    for (const file of ['virtune-alerts.yaml', 'virtune-recording.yaml']) {
      const rules = readFileSync(join(folder, 'prometheus', file), 'utf8');
      expect(rules).toContain('up{job=~"kvm"}');
      expect(rules).not.toContain('virtune.*');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.concurrent.each(calls.filter((call) => call.startsWith('virtune tune apply')))(
  '%s changes the VM, and virtune tune verify finds all of it in effect',
  { timeout: TIMEOUT_MS },
  async (call) => {
    const throwaway = await TunedDemo.start();
    try {
      const before = throwaway.picture();
      expect(await throwaway.run(...wordsOf(call), '--yes')).toMatchObject({ code: 0 });
      expect(throwaway.picture()).not.toEqual(before);
      expect(await throwaway.run('verify', VALUES.VM)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`${VALUES.VM}: matches `),
      });
    } finally {
      await throwaway.stop();
    }
  },
);

test('virtune tune rollback undoes what was applied', { timeout: TIMEOUT_MS }, async () => {
  expect(calls).toContain('virtune tune rollback');
  const throwaway = await TunedDemo.start();
  try {
    const before = throwaway.picture();
    await throwaway.run('apply', VALUES.VM, '--profile', VALUES.PROFILE, '--yes');
    expect(await throwaway.run('rollback', '--yes')).toMatchObject({ code: 0 });
    expect(throwaway.picture()).toEqual(before);
  } finally {
    await throwaway.stop();
  }
});

test('virtune tune hugepages --allocate gives VMs that are off the pages that they lack', {
  timeout: TIMEOUT_MS,
}, async () => {
  expect(calls).toContain('virtune tune hugepages --allocate');
  const throwaway = await TunedDemo.start();
  try {
    const off = throwaway.vm('template-debian');
    off.define(
      off
        .xml({ inactive: true, secure: true })
        .replace('</currentMemory>', '</currentMemory>\n  <memoryBacking><hugepages/></memoryBacking>'),
    );
    const missing = await throwaway.run('hugepages');
    expect(missing.stdout).toMatch(/^any +2 MiB .* 1024$/m);
    expect(await throwaway.run('hugepages', '--allocate', '--yes')).toMatchObject({ code: 0 });
    // As in the runbook: `-` in the last column of each row.
    const rows = (await throwaway.run('hugepages')).stdout.match(/^(\d|any) .*$/gm) ?? [];
    expect(rows.length).toBeGreaterThan(3);
    expect(rows.filter((row) => !row.endsWith('-'))).toEqual([]);
  } finally {
    await throwaway.stop();
  }
});

test('virtune tune watch watches until it is stopped', { timeout: TIMEOUT_MS }, async () => {
  expect(calls).toContain('virtune tune watch');
  const watch = host.begin('watch');
  await watch.says(/watching tuned domains/);
  expect(await watch.stop()).toMatchObject({ code: 0 });
});

test('the way of DomainTuningDrift: drift is shown with exit code 2, applied again, and gone', {
  timeout: TIMEOUT_MS,
}, async () => {
  const throwaway = await tunedDemo();
  try {
    const vm = throwaway.vm(VALUES.VM);
    vm.define(vm.xml({ inactive: true, secure: true }).replace("cache='none'", "cache='writeback'"));
    const drift = await throwaway.run('drift', VALUES.VM);
    expect(drift).toMatchObject({ code: 2, stdout: expect.stringContaining(VALUES.PROFILE) });
    expect(await throwaway.run('apply', VALUES.VM, '--profile', VALUES.PROFILE, '--yes')).toMatchObject({
      code: 0,
    });
    expect(await throwaway.run('verify', VALUES.VM)).toMatchObject({ code: 0 });
  } finally {
    await throwaway.stop();
  }
});
