import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { bootAnother, removeGuest } from './lab/guests.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { run, succeeds, until } from './lab/run.ts';
import { virsh } from './lab/virsh.ts';

/** A guest whose disk grows on a host file system with too little space for what it writes. */
const domain = `${PREFIX}full`;
const folder = join(LAB_DIR, 'full');

let virtune: VirtuneProcess;
beforeAll(async () => {
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  await virtune.scrape();
  mkdirSync(folder, { recursive: true });
  run('mount', ['-t', 'tmpfs', '-o', 'size=128k,mode=755', 'tmpfs', folder]);
  run('qemu-img', ['create', '-q', '-f', 'raw', join(folder, 'vda.img'), '64M']);
  bootAnother(
    domain,
    `<disk type='file' device='disk'><driver name='qemu' type='raw' error_policy='stop'/>
       <source file='${join(folder, 'vda.img')}'/><target dev='vda' bus='virtio'/></disk>`,
  );
});
afterAll(async () => {
  await virtune?.stop();
  removeGuest(domain);
  succeeds('umount', [folder]);
});

const stateOf = (series: readonly Series[]): string | undefined =>
  find(series, 'libvirt_domain_info_state', { domain })[0]?.labels['state_desc'];

test('a guest that an I/O error has paused is reported with the reason, the disk, and what was missing', async () => {
  await until('the disk to be full', 120_000, () =>
    virsh('domstate', domain, '--reason').includes('I/O error'),
  );
  const series = await virtune.scrape();
  expect(stateOf(series)).toBe('paused');
  // VIR_DOMAIN_PAUSED_IOERROR
  expect(figure(series, 'libvirt_domain_info_state_reason', { domain })).toBe(5);
  expect(figure(series, 'libvirt_domain_events_total', { domain, event: 'ioError' })).toBeGreaterThanOrEqual(
    1,
  );
  expect(virsh('domblkerror', domain)).toContain('vda: no space');
  expect(find(series, 'libvirt_domain_block_stats_failed', { domain }).map(({ labels }) => labels)).toEqual([
    { domain, target_device: 'vda', error: 'no_space' },
  ]);
  // It still answers.
  expect(find(series, 'virtune_domain_outcome', { domain })[0]?.labels['outcome']).toBe('fresh');
});

test('after room is made and the guest resumed, no failure is reported', async () => {
  run('mount', ['-o', 'remount,size=16m', folder]);
  const errors = figure(await virtune.scrape(), 'libvirt_domain_events_total', { domain, event: 'ioError' });
  virsh('resume', domain);
  const series = await virtune.scrape();
  expect(stateOf(series)).toBe('running');
  expect(find(series, 'libvirt_domain_block_stats_failed', { domain })).toEqual([]);
  expect(figure(series, 'libvirt_domain_events_total', { domain, event: 'ioError' })).toBe(errors);
});
