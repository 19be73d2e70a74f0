import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VirtuneProcess } from '../virtune-process.ts';
import { qemuPid } from './lab/guests.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { succeeds } from './lab/run.ts';
import { virsh } from './lab/virsh.ts';

const NAME = `${PREFIX}huge`;
const MEMORY_MIB = 64;
const PAGES = MEMORY_MIB / 2;
const POOL = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB';

const count = (file: 'nr_hugepages' | 'free_hugepages'): number =>
  Number(readFileSync(`${POOL}/${file}`, 'utf8'));

let stateDir: string;
let before: number;
beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'virtune-hugepages-'));
  before = count('nr_hugepages');
  const file = join(LAB_DIR, `${NAME}.xml`);
  writeFileSync(
    file,
    `<domain type='qemu'><name>${NAME}</name><memory unit='MiB'>${MEMORY_MIB}</memory><vcpu>1</vcpu>
     <memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages><allocation mode='immediate'/></memoryBacking>
     <numatune><memory mode='strict' nodeset='0'/></numatune>
     <os><type arch='x86_64' machine='pc'>hvm</type></os>
     <devices><emulator>/usr/bin/qemu-system-x86_64</emulator><memballoon model='none'/></devices></domain>`,
  );
  virsh('define', file);
});
afterAll(() => {
  succeeds('virsh', ['destroy', NAME]);
  succeeds('virsh', ['undefine', NAME]);
  writeFileSync(`${POOL}/nr_hugepages`, String(before));
  rmSync(stateDir, { recursive: true });
});

const tune = (...args: string[]) => new VirtuneProcess('tune', ...args, '--state-dir', stateDir).ended;

test('the inventory counts what will boot; the pool grows, the guest uses it, and rollback shrinks it', async () => {
  const missing = PAGES - count('free_hugepages');
  const shown = JSON.parse((await tune('hugepages', '--json')).stdout);
  expect(shown.pools).toContainEqual({
    cell: 0,
    sizeKiB: 2_048,
    total: before,
    free: count('free_hugepages'),
    held: 0,
    needed: PAGES,
    missing,
  });
  expect(succeeds('virsh', ['start', NAME, '--paused'])).toBe(false);

  const allocated = await tune('hugepages', '--allocate', '--yes');
  expect([allocated.code, allocated.stderr]).toEqual([
    0,
    expect.stringContaining(`seen: ${POOL}/nr_hugepages: ${before + missing}`),
  ]);
  expect(count('nr_hugepages')).toBe(before + missing);

  const free = count('free_hugepages');
  virsh('start', NAME, '--paused');
  expect(count('free_hugepages')).toBe(free - PAGES);
  const map = readFileSync(`/proc/${qemuPid(NAME)}/numa_maps`, 'utf8');
  expect(map).toMatch(/ huge .*N0=32 /);
  const running = JSON.parse((await tune('hugepages', '--json')).stdout);
  expect(running.pools[0]).toMatchObject({ held: PAGES, needed: 0, missing: 0 });

  virsh('destroy', NAME);
  expect((await tune('rollback', '--yes')).code).toBe(0);
  expect(count('nr_hugepages')).toBe(before);
});

test('a pool that the host has no memory for is refused, and stays as it is', async () => {
  const file = join(LAB_DIR, `${NAME}-large.xml`);
  const xml = virsh('dumpxml', '--inactive', NAME)
    .replace(/<memory .*/, "<memory unit='TiB'>4</memory>")
    .replace(/<currentMemory .*\n/, '');
  writeFileSync(file, xml);
  virsh('define', file);
  const refused = await tune('hugepages', '--allocate', '--yes');
  expect([refused.code, refused.stderr]).toEqual([65, expect.stringContaining('NO_MEMORY')]);
  expect(count('nr_hugepages')).toBe(before);
});
