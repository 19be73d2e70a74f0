import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { find } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { TunedDemo } from './tuned-demo.ts';

const TIMEOUT_MS = 180_000;
const LATENCY = 'libvirt_domain_disk_request_latency_seconds';
const APPLY = ['apply', 'pg-orders', '--profile', 'oltp-database', '--yes', '--measure', '--metric', LATENCY];
const SHORT = ['--every', '1s', '--block', '2s', '--block-settle', '0', '--baseline', '2s', '--settle', '0s'];

let host: TunedDemo;
beforeEach(async () => {
  host = await TunedDemo.start();
});
afterEach(() => host.stop());

test('a dry run of restarts prints the smallest possible p-value, and touches nothing', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const { code, document } = await host.json(...APPLY, '--restarts', '4', '--dry-run');
  expect(code).toBe(0);
  expect(document).toMatchObject({
    kind: 'dry run',
    design: { restarts: 4, blockMs: 600_000, settleMs: 300_000 },
    totalMs: 300_000 + 4 * 900_000,
    figure: LATENCY,
    smallestP: 1 / 3,
    text: [
      '4 restarts, 2 with the settings, drawn at random; the smallest possible p-value is 33.3 %, so it cannot be decided',
      expect.stringMatching(/^After each restart, 5m are excluded and 10m measured: 1h5m in total, /),
      expect.stringContaining('known only after several boots'),
    ],
  });
  expect(host.picture()).toEqual(before);
});

test('two restarts are never decided: undone and reported with why, and exported once they are recorded', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const { code, document } = await host.json(...APPLY, ...SHORT, '--restarts', '2');
  expect(code).toBe(1);
  const reason = expect.stringContaining(
    'with 2 boots the smallest possible p-value is 100 %, so it may be chance',
  );
  expect(document).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_MEASURE', message: reason },
    measured: {
      kind: 'restarts',
      design: { restarts: 2 },
      primary: { name: LATENCY, judgement: { verdict: 'inconclusive', reason }, effect: { off: 1, on: 1 } },
    },
  });
  expect(host.picture()).toEqual(before);
  expect((await host.run('history')).stdout).toMatch(/ undone +\d+ +inconclusive +pg-orders /);
  const file = join(host.folder, 'report.html');
  expect((await host.run('report', '--html', file)).code).toBe(0);
  const page = readFileSync(file, 'utf8');
  expect(page).toContain('<h1><bdi>pg-orders</bdi>: inconclusive</h1>');
  expect(page).toContain('2 restarts, each boot 2s after 0s to settle');

  const record = join(host.folder, 'drift.json');
  expect((await host.run('drift', '--record-file', record)).code).toBe(0);
  const exporter = new VirtuneProcess(
    ...['exporter', '--connect', host.demo.uri, '--listen', '127.0.0.1:0', '--path.drift', record],
  );
  const series = await exporter.scrape();
  await exporter.stop();
  const of = (name: string) => find(series, name, { domain: 'pg-orders' });
  expect(of('virtune_tuning_effect_info').map(({ labels }) => labels)).toEqual([
    { domain: 'pg-orders', figure: LATENCY, verdict: 'inconclusive', kept: 'false' },
  ]);
  expect(of('virtune_tuning_effect_ratio')).toHaveLength(1);
  // With two boots no effect can be excluded.
  for (const end of ['low', 'high'] as const) expect(of(`virtune_tuning_effect_${end}_ratio`)).toEqual([]);
  const [at] = of('virtune_tuning_effect_timestamp_seconds');
  expect((at?.value ?? 0) * 1_000).toBeGreaterThan(Date.now() - TIMEOUT_MS);
});

test('what waits for no boot, or cannot be combined, is refused before anything is changed', {
  timeout: TIMEOUT_MS,
}, async () => {
  const before = host.picture();
  const refused = await host.run(...APPLY, ...SHORT, '--restarts', '2', '--restart');
  expect(refused.stderr).toContain('--measure cannot be combined with --restart');
  expect(refused.code).toBe(64);
  expect(host.picture()).toEqual(before);
});
