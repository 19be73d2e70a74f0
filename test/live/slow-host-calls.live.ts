import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CallName, callByNumber } from '../../libvirt/calls/all.ts';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { DelayingProxy } from './lab/delaying-proxy.ts';

let folder: string;
let proxy: DelayingProxy;
let virtune: VirtuneProcess;
const asked = new Map<CallName, number>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-proxy-'));
  proxy = await DelayingProxy.start(join(folder, 'sock'));
  proxy.onCall = (program, procedure) => {
    const name = callByNumber(program, procedure);
    if (name !== undefined) asked.set(name, (asked.get(name) ?? 0) + 1);
  };
});
afterAll(async () => {
  await proxy.stop();
  rmSync(folder, { recursive: true });
});
afterEach(async () => {
  await virtune.stop();
  proxy.clear();
});

function start(): void {
  asked.clear();
  virtune = new VirtuneProcess(
    'exporter',
    '-c',
    `qemu:///system?socket=${proxy.path}`,
    '--local',
    '-l',
    '127.0.0.1:0',
  );
}

const allFresh = (series: readonly Series[]): boolean =>
  find(series, 'virtune_domain_outcome').every(({ labels }) => labels['outcome'] === 'fresh') &&
  figure(series, 'libvirt_up') === 1;

/** Each call that never returns, the part that depends on it, and a series of that part. */
const NEVER: readonly (readonly [CallName, string, string])[] = [
  ['nodeGetMemoryParameters', 'ksm', 'libvirt_host_ksm_pages'],
  ['nodeGetFreePages', 'pages', 'libvirt_host_numa_pages'],
  ['nodeGetMemoryStats', 'memory', 'libvirt_host_memory_bytes'],
  ['nodeGetCpuMap', 'cpus', 'libvirt_host_cpus'],
  ['connectListAllStoragePools', 'pools', 'libvirt_storage_pool_state'],
];

describe('a real libvirtd', () => {
  test.each(NEVER)(
    '%s that never answers costs its own figures, with the reason',
    async (name, part, series) => {
      proxy.set(name, 'never');
      start();
      for (let scrape = 0; scrape < 6; scrape++) {
        const all = await virtune.scrape();
        expect(allFresh(all)).toBe(true);
        // Huge page pools are counted from another call.
        expect(find(all, series).filter(({ labels }) => labels['kind'] !== 'hugepages')).toEqual([]);
        expect(find(all, 'virtune_host_missing', { part })[0]?.labels['reason']).toBe('unresponsive');
        expect(find(all, 'libvirt_versions_info')).toHaveLength(1);
      }
      // Called once by each user of it, and not again at each scrape.
      expect(asked.get(name)).toBeLessThanOrEqual(2);
    },
  );

  test('capabilities that take eight seconds are asked for once, and are there when they have come', async () => {
    proxy.set('connectGetCapabilities', 8_000);
    start();
    const first = await virtune.scrape();
    expect(allFresh(first)).toBe(true);
    expect(find(first, 'libvirt_host_numa_pages')).toEqual([]);
    await expect
      .poll(async () => find(await virtune.scrape(), 'libvirt_host_numa_pages').length, {
        timeout: 30_000,
        interval: 500,
      })
      .toBeGreaterThan(0);
    expect(asked.get('connectGetCapabilities')).toBe(1);
  });

  test('figures that came before a call began to hang stay, with their age and the reason', async () => {
    start();
    await virtune.scrape();
    proxy.set('nodeGetMemoryParameters', 'never');
    await virtune.scrape();
    const all = await virtune.scrape();
    expect(find(all, 'libvirt_host_ksm_pages').length).toBeGreaterThan(0);
    expect(find(all, 'virtune_host_part_stale', { part: 'ksm', reason: 'unresponsive' })).toHaveLength(1);
    expect(figure(all, 'virtune_host_part_age_seconds', { part: 'ksm' })).toBeGreaterThan(0);
  });
});
