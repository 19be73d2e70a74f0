import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { FaultyDisk } from './lab/faulty-disk/faulty-disk.ts';
import { removeGuest } from './lab/guests.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { sleep, succeeds, until } from './lab/run.ts';
import { virsh } from './lab/virsh.ts';

/** A storage pool on a mounted file system that stops answering, and a guest with its disk there. */
const POOL = `${PREFIX}hung`;
const GUEST = `${PREFIX}on-hung`;
/** More in the nightly run, long enough for the pool's figures to be due again. */
const SCRAPES = Number(process.env['VIRTUNE_HUNG_SCRAPES'] ?? 8);

let disk: FaultyDisk;
let virtune: VirtuneProcess;
beforeAll(async () => {
  disk = await FaultyDisk.mount(join(LAB_DIR, 'hung'));
  writeFileSync(join(disk.path, 'vda.img'), Buffer.alloc(1_048_576));
  virsh('pool-create-as', POOL, 'dir', '--target', disk.path);
  const file = join(LAB_DIR, `${GUEST}.xml`);
  writeFileSync(
    file,
    `<domain type='qemu'><name>${GUEST}</name><memory unit='MiB'>24</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os>
      <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
        <disk type='file' device='disk'><driver name='qemu' type='raw'/>
          <source file='${disk.path}/vda.img'/><target dev='vda' bus='virtio'/></disk>
        <memballoon model='virtio'/></devices></domain>`,
  );
  virsh('create', file, '--paused');
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  await virtune.scrape();
});
afterAll(async () => {
  await disk.release();
  await disk.resume();
  await virtune?.stop('SIGKILL');
  removeGuest(GUEST);
  succeeds('virsh', ['pool-destroy', POOL]);
  await disk.unmount();
});

const outcomes = (series: readonly Series[]): Map<string, string[]> => {
  const byOutcome = new Map<string, string[]>();
  for (const { labels } of find(series, 'virtune_domain_outcome')) {
    const { outcome = '', domain = '' } = labels;
    byOutcome.set(outcome, [...(byOutcome.get(outcome) ?? []), domain]);
  }
  return byOutcome;
};
const pool = (series: readonly Series[]): number | undefined =>
  figure(series, 'libvirt_storage_pool_capacity_bytes', { storage_pool: POOL });

test('a pool and a disk on a file system that hangs cost no other VM its figures, nothing grows, and all is back with it', async () => {
  await until('the pool', 20_000, async () => pool(await virtune.scrape()));
  const before = await virtune.scrape();
  const domains = find(before, 'virtune_domain_outcome').length;
  expect(outcomes(before).get('fresh')).toHaveLength(domains);
  await disk.hold();
  const rssKiB = virtune.rssKiB;
  const seen: string[] = [];
  for (let count = 0; count < SCRAPES; count++) {
    const series = await virtune.scrape();
    const found = outcomes(series);
    seen.push([...found].map(([outcome, names]) => `${outcome} ${names.length}`).join(', '));
    expect(found.get('fresh')?.filter((name) => name !== GUEST)).toHaveLength(domains - 1);
    // libvirtd examines the file of each disk (qemuDomainStorageUpdatePhysical), and the call hangs.
    expect(found.get('unresponsive') ?? [GUEST]).toEqual([GUEST]);
    expect(figure(series, 'virtune_stuck_calls')).toBeLessThanOrEqual(1);
    expect(figure(series, 'libvirt_up')).toBe(1);
    // The last known figures, with their age.
    expect(pool(series)).toBe(pool(before));
    await sleep(1_000);
  }
  console.log(`${SCRAPES} scrapes: ${rssKiB} to ${virtune.rssKiB} KiB; ${[...new Set(seen)].join('; ')}`);
  expect(virtune.rssKiB).toBeLessThan(rssKiB * 1.3);
  await disk.release();
  await until('all to be fresh', 20_000, async () => {
    const back = await virtune.scrape();
    return outcomes(back).get('fresh')?.length === domains && pool(back) !== undefined;
  });
}, 300_000);
