import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectTimeoutMs } from '../../cli/tune/options.ts';
import { TunedDemo } from './tuned-demo.ts';

/** Each test starts several processes. */
const TIMEOUT_MS = 60_000;
const DATABASE = ['pg-orders', '--profile', 'oltp-database'] as const;

let host: TunedDemo;
beforeEach(async () => {
  host = await TunedDemo.start();
});
afterEach(() => host.stop());

/** A profile with a setting of the VM and one of its host. */
function bothProfile(): string {
  const path = join(host.folder, 'both.yaml');
  writeFileSync(
    path,
    `title: A VM and its host
knobs:
  balloon.statsPeriod: { value: 7, why: a test, source: judgement }
host:
  ksm.pagesToScan: { value: 500, why: a test, source: judgement }
`,
  );
  return path;
}

test('--no-host changes the VM and not the host; without it both are changed, and rolled back', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { ksm } = host.demo.daemon.host;
  const args = ['apply', 'web-01', '--profile', bothProfile(), '--yes'];
  const period = () => /<stats period=['"](\d+)/.exec(host.vm('web-01').definition?.xml ?? '')?.[1];
  const before = host.picture();

  const without = await host.run(...args, '--no-host');
  expect(without.code, without.stderr).toBe(0);
  expect([period(), ksm.get('shm_pages_to_scan')]).toEqual(['7', 100]);
  expect(await host.run('rollback', '--yes')).toMatchObject({ code: 0 });

  expect(await host.run(...args)).toMatchObject({ code: 0 });
  expect([period(), ksm.get('shm_pages_to_scan')]).toEqual(['7', 500]);
  expect(await host.run('rollback', '--yes')).toMatchObject({ code: 0 });
  expect(ksm.get('shm_pages_to_scan')).toBe(100);
  expect(host.picture()).toEqual(before);
});

test('--no-host does not grow page pools: a VM that needs pages is refused, with figures', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const { code, stderr } = await host.run('apply', ...DATABASE, '--no-host', '--yes');
  expect([code, stderr]).toEqual([
    65,
    expect.stringMatching(/pg-orders needs 8,192 \(NO_PAGES\); allocate 8,192 more pages/),
  ]);
  expect(host.picture()).toEqual(before);
});

test('--timeout limits each call: without an answer the command exits with 69, and nothing is changed', {
  timeout: TIMEOUT_MS,
}, async () => {
  const { faults } = host.demo.daemon;
  const before = host.picture();
  faults.hold('connectGetCapabilities');
  for (const command of ['plan', 'apply']) {
    const { code, stderr } = await host.run(
      command,
      ...DATABASE,
      '--timeout',
      '0.5',
      ...(command === 'apply' ? ['--yes'] : []),
    );
    expect([code, stderr]).toEqual([
      69,
      expect.stringContaining('connectGetCapabilities: no answer within 500 ms'),
    ]);
  }
  faults.release('connectGetCapabilities');
  expect(host.picture()).toEqual(before);
});

test('--timeout limits connecting too, which takes several calls', () => {
  expect(connectTimeoutMs({ timeout: 20 })).toBe(120_000);
  expect(connectTimeoutMs({ timeout: undefined })).toBeUndefined();
});

test('a plan that was written for another host is refused with both names, and changes neither', {
  timeout: TIMEOUT_MS,
}, async () => {
  const other = await TunedDemo.start('kvm-9');
  try {
    const file = join(host.folder, 'plan.json');
    expect(await host.run('plan', ...DATABASE, '-o', file)).toMatchObject({ code: 0 });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ host: { hostname: 'simulated-host' } });
    const before = other.picture();
    const { code, stderr } = await other.run('apply', file, '--yes');
    expect([code, stderr]).toEqual([
      75,
      expect.stringMatching(
        /plan\.json is a plan for host "simulated-host", but this is host "kvm-9"; nothing was changed \[TUNE_CHANGED\]/,
      ),
    ]);
    expect(other.picture()).toEqual(before);
    expect(await host.run('apply', file, '--yes')).toMatchObject({ code: 0 });
  } finally {
    await other.stop();
  }
});
