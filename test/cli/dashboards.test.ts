import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { writeFiles } from '../../cli/write-files.ts';
import { VirtuneProcess } from '../virtune-process.ts';

vi.mock('node:fs/promises', { spy: true });

const folder = mkdtempSync(join(tmpdir(), 'virtune-dashboards-'));
afterAll(() => rmSync(folder, { recursive: true }));

const build = (...args: readonly string[]) => new VirtuneProcess('dashboards', 'build', ...args).ended;

test('one folder has it all, with the thresholds of the site', async () => {
  const thresholds = join(folder, 'thresholds.yaml');
  writeFileSync(thresholds, 'HostSamplingSlow: { seconds: 4.5, for: 1h }\nExporterDown: { off: true }\n');
  const out = join(folder, 'out');
  const { code, stderr } = await build(
    ...['--out', out, '--thresholds', thresholds, '--rules', 'virtune', '--job', 'kvm'],
    ...['--runbook-url', 'https://wiki.example/kvm', '--scrape-interval', '30s'],
  );
  expect([code, stderr]).toEqual([0, expect.stringContaining('47 files written')]);
  const text = (path: string): string => readFileSync(join(out, path), 'utf8');
  expect(text('prometheus/virtune-alerts.yaml')).toContain(
    'virtune_sample_duration_seconds{job=~"kvm"} > 4.5',
  );
  expect(text('prometheus/virtune-alerts.yaml')).toContain('https://wiki.example/kvm/HostSamplingSlow.md');
  expect(text('prometheus/virtune-alerts.yaml')).not.toMatch(/ExporterDown|HostOomKill/);
  expect(text('prometheus/virtune-recording.yaml')).toContain('domain:virtune_vcpu_delay:ratio_rate5m');
  expect(text('grafana/dashboards/health.json')).toContain('"value": 4.5');
  expect(text('grafana/provisioning/datasources/virtune.yaml')).toContain('timeInterval: 30s');
  expect(existsSync(join(out, 'alertmanager/alertmanager.yml'))).toBe(true);
  expect(text('kubernetes/prometheus-rules/alerts.yaml')).toMatch(/virtune_sample_duration_seconds.*> 4\.5/);
  expect(text('kubernetes/grafana-configmaps/health.yaml')).toContain('"value":4.5');
  expect(text('mixin/mixin.libsonnet')).toMatch(/"HostSamplingSlow": \{\s+"seconds": 4\.5,\s+"for": "1h"/);
});

test('a scrape interval at which rates would lack samples is refused', async () => {
  const out = join(folder, 'seldom');
  const { code, stderr } = await build('--out', out, '--scrape-interval', '2m');
  expect(code).toBe(64);
  expect(stderr).toMatch(/--scrape-interval.*from 1s to 1m15s/);
  expect(existsSync(out)).toBe(false);
});

test('an earlier name of an alert is rejected with the name to use now', async () => {
  const thresholds = join(folder, 'earlier.yaml');
  writeFileSync(thresholds, 'ExporterDown: { off: true }\nHostStolenFromUs: { off: true }\nHostOnFire: {}\n');
  const { code, stderr } = await build('--out', join(folder, 'earlier'), '--thresholds', thresholds);
  expect(code).toBe(64);
  expect(stderr).toMatch(/earlier\.yaml:\d: alert HostStolenFromUs is now called HostCpuStealHigh/);
  expect(stderr).toContain('unknown alert "HostOnFire"');
});

test('an invalid threshold is reported with file, line and key, and nothing is written', async () => {
  const thresholds = join(folder, 'wrong.yaml');
  writeFileSync(thresholds, 'HostSamplingSlow:\n  secconds: 4\n');
  const out = join(folder, 'none');
  const { code, stderr } = await build('--out', out, '--thresholds', thresholds);
  expect(code).toBe(64);
  expect(stderr).toMatch(/wrong\.yaml:2: HostSamplingSlow: .*secconds.*\[CONFIG\]/);
  expect(existsSync(out)).toBe(false);
});

test.each([
  ['--job=(', 'Expected a regular expression, such as virtune.*: missing closing ): `(`; Prometheus has RE2'],
  ['--job=', 'Expected a regular expression, such as virtune.*: it is empty'],
  ['--cluster-label=le', 'Expected a label of your scrape configuration: series or alerts of virtune have'],
])('%s is refused, and nothing is written', async (flag, said) => {
  const out = join(folder, 'refused');
  const { code, stderr } = await build('--out', out, flag);
  expect(stderr).toContain(said);
  expect(stderr).toContain('[USAGE]');
  expect(code).toBe(64);
  expect(existsSync(out)).toBe(false);
});

const file = join(folder, 'file');
writeFileSync(file, '');
const occupied = join(folder, 'occupied');
mkdirSync(join(occupied, 'grafana/dashboards/fleet.json'), { recursive: true });

test('a folder that cannot be created is an error with its own exit code', async () => {
  const { code, stderr } = await build('--out', join(file, 'below'));
  expect(stderr).toMatch(
    /^virtune: \S+ cannot be written: a part of its path is a file.*, or choose another folder with --out \[DASHBOARDS_OUT\]\n$/,
  );
  expect(code).toBe(73);
});

test.each([
  ['below a file', join(file, 'below'), 'a part of its path is a file, not a folder; remove or rename'],
  ['where a folder has the name of a file', occupied, 'a folder with this name exists; remove or rename it'],
  ['in /proc', '/proc/x', 'folders cannot be created on this file system'],
  ['at a path that is too long', join(folder, 'a'.repeat(300)), 'the path is too long'],
])('a folder %s is an error with the reason and what to do', async (_, out, reason) => {
  const files = new Map([['grafana/dashboards/fleet.json', '{}']]);
  await expect(writeFiles(out, files)).rejects.toThrow(`cannot be written: ${reason}`);
});

test.each([
  ['EACCES', 'permission denied; run virtune as a user that may write there'],
  ['EROFS', 'the file system is read-only; mount it writable'],
  ['ENOSPC', 'no space is left; free space on that file system'],
  ['EIO', 'EIO: i/o error'],
])('%s is explained', async (code, reason) => {
  const failure = Object.assign(new Error(`${code}: i/o error, open 'x'`), {
    code,
    syscall: 'open',
    path: 'x',
  });
  vi.mocked(writeFile).mockRejectedValueOnce(failure);
  await expect(writeFiles(folder, new Map([['a', 'b']]))).rejects.toMatchObject({
    code: 'DASHBOARDS_OUT',
    message: `${folder}/a cannot be written: ${reason}, or choose another folder with --out`,
  });
});
