import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { find } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { TunedDemo } from './tuned-demo.ts';

const TIMEOUT_MS = 120_000;

let host: TunedDemo;
beforeAll(async () => {
  host = await TunedDemo.start();
});
afterAll(() => host.stop());

test('a damaged record of drift is logged once, and its VM has the reason in place of its drift', {
  timeout: TIMEOUT_MS,
}, async () => {
  const record = join(host.folder, 'damaged.json');
  writeFileSync(record, '{');
  expect((await host.run('apply', 'pg-orders', '--profile', 'oltp-database', '--yes')).code).toBe(0);
  const exporter = new VirtuneProcess(
    'exporter',
    ...['--connect', host.demo.uri, '--listen', '127.0.0.1:0', '--path.drift', record],
  );
  try {
    await exporter.scrape();
    const series = await exporter.scrape();
    expect(find(series, 'virtune_domain_missing', { group: 'drift' }).map(({ labels }) => labels)).toEqual([
      { domain: 'pg-orders', group: 'drift', reason: 'unreadable' },
    ]);
    expect(find(series, 'virtune_tuning_drift', {})).toEqual([]);
  } finally {
    const { stderr } = await exporter.stop();
    const lines = stderr.split('\n').filter((line) => line.includes('damaged.json'));
    expect(lines).toEqual([
      expect.stringMatching(/^virtune: the drift record .* not JSON; .* \[DRIFT_RECORD\]$/),
    ]);
  }
});

test.each([
  ['drift', 2],
  ['watch', 0],
])(
  'tune %s records a VM whose profile is gone, and the exporter says so',
  { timeout: TIMEOUT_MS },
  async (command, exitCode) => {
    const record = join(host.folder, `${command}-lost.json`);
    const profiles = join(host.folder, `${command}-profiles`);
    mkdirSync(profiles);
    writeFileSync(
      join(profiles, 'site.yaml'),
      'title: Ours\nknobs: { balloon.statsPeriod: { value: 7, why: a test, source: judgement } }\n',
    );
    const named = ['--profiles', profiles];
    expect((await host.run('apply', 'web-01', '--profile', 'site', '--yes', ...named)).code).toBe(0);
    rmSync(join(profiles, 'site.yaml'));
    const once = command === 'watch' ? ['--once'] : [];
    expect((await host.run(command, ...once, '--record-file', record, ...named)).code).toBe(exitCode);
    const exporter = new VirtuneProcess(
      'exporter',
      ...['--connect', host.demo.uri, '--listen', '127.0.0.1:0', '--path.drift', record],
    );
    try {
      await exporter.scrape();
      const series = await exporter.scrape();
      expect(
        find(series, 'virtune_domain_missing', { group: 'drift', domain: 'web-01' }).map(
          ({ labels }) => labels,
        ),
      ).toEqual([{ domain: 'web-01', group: 'drift', reason: 'no_profile' }]);
    } finally {
      await exporter.stop();
    }
  },
);

test.each([['--record-file='], ['--record=pg-orders']])(
  '%s is refused, and no file is written',
  { timeout: TIMEOUT_MS },
  async (flag) => {
    const before = readdirSync('.');
    expect((await host.run('drift', flag)).code).toBe(64);
    expect(readdirSync('.')).toEqual(before);
  },
);

test.each([
  ['drift', []],
  ['watch', ['--once']],
])(
  '%s with --record and --record-file is refused before libvirt is asked, and no file is written',
  { timeout: TIMEOUT_MS },
  async (command, more) => {
    const file = join(host.folder, 'both.json');
    const { code, stderr } = await host.run(command, '--record', '--record-file', file, ...more);
    expect([code, stderr]).toEqual([
      64,
      expect.stringContaining('--record and --record-file cannot be combined; remove one of them [USAGE]'),
    ]);
    expect(existsSync(file)).toBe(false);
  },
);
