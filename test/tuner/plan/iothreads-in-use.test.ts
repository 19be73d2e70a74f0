import { afterEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import type { ReleaseName } from '../../../simulator/release.ts';
import type { Plan } from '../../../tuner/plan/plan.ts';
import { OnSimulator } from '../on-simulator.ts';

const HOST = {
  name: 'iothreads',
  description: 'a VM with three disks',
  host: { sockets: 2, coresPerSocket: 8, memoryGiB: 256 },
  vms: [
    {
      name: 'db',
      workload: 'oltp',
      vcpus: 4,
      memoryMiB: 8_192,
      shutdownSeconds: 0,
      disks: ['vda', 'vdb', 'vdc'].map((target) => ({ target, sizeGiB: 50, format: 'raw' })),
    },
  ],
};

let host: OnSimulator;
afterEach(() => host.stop());

/** Switches it off and on again, with its current definition. */
function reboot(): void {
  const vm = host.demo.daemon.vm('db');
  vm.stop(0);
  vm.start(7);
}

/** One iothread for each disk, configured by hand. */
async function handMade(): Promise<void> {
  host = await OnSimulator.start(HOST);
  let id = 0;
  const plain = host.definition('db').replaceAll(/ iothread='\d+'|<iothreads>\d+<\/iothreads>/g, '');
  const spread = plain.replaceAll("<driver name='qemu'", () => `<driver iothread='${++id}' name='qemu'`);
  expect(id).toBe(3);
  host.demo.daemon.vm('db').define(spread.replace('</vcpu>', '</vcpu><iothreads>3</iothreads>'));
  reboot();
}

/** As oltp-database leaves it: on libvirt 12.9 the queues of each disk are distributed over both iothreads. */
async function tuned(libvirt: ReleaseName): Promise<void> {
  host = await OnSimulator.start(HOST, { libvirt });
  expect((await host.apply(await host.plan('db', 'oltp-database'))).failure).toBeUndefined();
}

/** When the setting changes, by target. */
const verdicts = (plan: Plan, id: string): string[] =>
  (plan.domains[0]?.rows ?? [])
    .filter(({ wish }) => wish.setting.id === id)
    .map(({ wish, verdict }) => `${wish.target} ${verdict.kind}`.trim());

/** Pins wait together with the hint to the guest that oltp-database leaves, which only a boot removes. */
const CASES: readonly [what: string, before: () => Promise<void>, pins: 'live' | 'boot'][] = [
  ['one for each disk, by hand', handMade, 'live'],
  ['two of oltp-database', () => tuned('9.0'), 'boot'],
  ['two of oltp-database, with mapped queues', () => tuned('12.9'), 'boot'],
];

test.each(CASES)('iothreads that running disks use stay until the boot: %s', async (_, before, pins) => {
  await before();
  const plan = await host.plan('db', 'balanced', false);
  expect(plan.placement.refusals).toEqual([]);
  expect(verdicts(plan, 'iothreads')).toEqual(['boot']);
  expect(plan.domains[0]?.steps.map(({ kind }) => kind)).not.toContain('ioThread');
  expect(verdicts(plan, 'vcpupin')).toEqual([0, 1, 2, 3].map((vcpu) => `${vcpu} ${pins}`));
  expect((await host.apply(plan)).failure).toBeUndefined();
  expect(verdicts(await host.plan('db', 'balanced', false), 'iothreads')).toEqual(['boot']);
  reboot();
  expect(verdicts(await host.plan('db', 'balanced', false), 'iothreads')).toEqual(['same']);
  expect(host.demo.daemon.vm('db').facts.ioThreads).toEqual([1]);
});

test('an iothread that no running disk uses goes at once', async () => {
  host = await OnSimulator.start(HOST);
  const vm = host.demo.daemon.vm('db');
  const plain = host.definition('db').replaceAll(/ iothread='\d+'|<iothreads>\d+<\/iothreads>/g, '');
  vm.define(plain.replace('</vcpu>', '</vcpu><iothreads>3</iothreads>'));
  reboot();
  const plan = await host.plan('db', 'balanced', false);
  expect(verdicts(plan, 'iothreads')).toEqual(['live']);
  expect((await host.apply(plan)).failure).toBeUndefined();
  expect(vm.facts.ioThreads).toEqual([1]);
});

test('the simulated libvirt does not remove an iothread to which queues are mapped', async () => {
  await tuned('12.9');
  const connection = await connect(host.demo.uri, { readOnly: false });
  const { domain } = host.demo.daemon.vm('db');
  const removed = connection.call('domainDelIoThread', { domain, ioThreadId: 2, flags: 1 });
  await expect(removed).rejects.toThrow(/since it is being used by disk 'vda'/);
  await connection.close();
});
