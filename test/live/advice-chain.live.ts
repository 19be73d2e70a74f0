import { afterAll, beforeAll, expect, test } from 'vitest';
import { advice, follow } from './lab/follow-advice.ts';
import { run } from './lab/run.ts';
import { createPool, RunbookGuest, removePool } from './lab/runbook-guest.ts';
import { virsh } from './lab/virsh.ts';

const guest = new RunbookGuest('advice-chain');

beforeAll(() => {
  createPool();
  guest.create();
  for (const name of ['one', 'two', 'three', 'four'])
    virsh('snapshot-create-as', guest.name, name, '--disk-only', '--no-metadata');
});
afterAll(() => {
  guest.remove();
  removePool();
});

/** Images of the backing chain, the active one first. */
function chain(): string[] {
  const active = /vda +(\S+)/.exec(virsh('domblklist', guest.name))?.[1] ?? '';
  const info = run('qemu-img', ['info', '-U', '--backing-chain', '--output=json', active]);
  return JSON.parse(info).map(({ filename }: { filename: string }) => filename);
}

test('the printed command merges a chain on libvirtd, and does not write into its lowest image', async () => {
  const before = chain();
  expect(before).toHaveLength(5);
  expect(before[4]).toBe(guest.image);
  const [found] = (await advice(4)).filter(
    ({ kind, vms }) => kind === 'backing-chain-deep' && vms.some(({ name }) => name === guest.name),
  );
  follow(found?.changes[0] ?? expect.unreachable());
  expect(chain()).toEqual(before.slice(3));
});
