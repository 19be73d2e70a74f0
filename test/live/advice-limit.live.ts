import { afterAll, beforeAll, expect, test } from 'vitest';
import { BusyGuest } from './lab/busy-guest.ts';
import { advice, follow, namesOf } from './lab/follow-advice.ts';
import { virsh } from './lab/virsh.ts';
import { figuresOf, type VmFigures } from './lab/vm-figures.ts';

/** Four requests of 64 KiB per second: each waits a quarter of a second. */
const LIMIT = 262_144;
const guest = new BusyGuest('advice-limit', {
  load: 'lab.write',
  iotune: `<total_bytes_sec>${LIMIT}</total_bytes_sec>`,
});

beforeAll(async () => {
  guest.start();
  await guest.works();
});
afterAll(() => guest.remove());

const figures = async (): Promise<VmFigures> =>
  (await figuresOf([guest.name], 4_000)).get(guest.name) ?? expect.unreachable();

test('the limit of a disk is found as what makes it slow, and the printed command doubles what the guest gets', async () => {
  const [found] = (await advice(8)).filter(
    ({ kind }) => kind.startsWith('disk') || kind.startsWith('storage'),
  );
  expect(found).toMatchObject({ kind: 'disk-limit' });
  expect(namesOf(found?.vms ?? [])).toEqual([guest.name]);
  const change = found?.changes[0] ?? expect.unreachable();
  const before = await figures();
  follow(change);
  expect(virsh('blkdeviotune', guest.name, 'vda')).toMatch(
    new RegExp(`total_bytes_sec: +${2 * LIMIT}$`, 'm'),
  );
  const after = await figures();
  const text = ({ bytesPerSecond, latencyMs }: VmFigures): string =>
    `${(bytesPerSecond / 1_024).toFixed(0)} KiB/s, ${latencyMs.toFixed(0)} ms`;
  console.log(`${change.change}: ${text(before)} -> ${text(after)}`);
  expect(before.bytesPerSecond / LIMIT).toBeCloseTo(1, 0);
  expect(after.bytesPerSecond / before.bytesPerSecond).toBeGreaterThan(1.5);
  expect(after.latencyMs / before.latencyMs).toBeLessThan(0.7);
});
