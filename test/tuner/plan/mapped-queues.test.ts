import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import type { Plan } from '../../../tuner/plan/plan.ts';
import { OnSimulator } from '../on-simulator.ts';

const HOST = {
  name: 'queues',
  description: 'a VM',
  host: { sockets: 1, coresPerSocket: 8, memoryGiB: 64 },
  vms: [
    {
      name: 'db',
      workload: 'oltp',
      vcpus: 8,
      memoryMiB: 2_048,
      shutdownSeconds: 0,
      disks: [{ target: 'vda', sizeGiB: 50, format: 'raw' }],
    },
  ],
};

const knob = (value: string | number) => ({ value, why: 'a test wants it', source: 'judgement' });
const QUEUES = { 'disk.queues': knob('= vCPUs') };
const PROFILES = {
  queues: { title: 'queues', knobs: QUEUES },
  mapped: { title: 'mapped', knobs: { ...QUEUES, 'disk.iothread': knob('mapped') } },
};
const DRIVER = (queues: number): string =>
  `<driver name='qemu' type='raw' queues='${queues}'><iothreads><iothread id='1'><queue id='0'/></iothread><iothread id='2'><queue id='1'/></iothread></iothreads></driver>`;

let host: OnSimulator;
beforeEach(async () => {
  host = await OnSimulator.start(HOST, { libvirt: '12.9', profiles: PROFILES });
  define(2);
  boot();
});
afterEach(() => host.stop());

/** Defines it with queues 0 and 1 mapped by hand. */
function define(queues: number): void {
  const bare = host
    .definition('db')
    .replaceAll(/<iothreads>\d+<\/iothreads>/g, '')
    .replace(/<driver name='qemu'[^>]*\/>|<driver name='qemu'[^>]*[^/]>[\s\S]*?<\/driver>/, DRIVER(queues));
  host.demo.daemon.vm('db').define(bare.replace('</vcpu>', '</vcpu><iothreads>2</iothreads>'));
}

function boot(): void {
  const vm = host.demo.daemon.vm('db');
  vm.stop(0);
  vm.start(7);
}

const verdicts = (plan: Plan): Record<string, string> =>
  Object.fromEntries(
    (plan.domains[0]?.rows ?? []).map(({ wish, verdict }) => [
      wish.setting.id,
      verdict.kind === 'impossible' ? verdict.problem.code : verdict.kind,
    ]),
  );

test('a mapping of single queues that comes back needs the queues that it was for', async () => {
  const one = await host.apply(await host.plan('db', 'mapped'));
  expect(one.failure).toBeUndefined();
  expect(host.definition('db')).toMatch(/queues=['"]8['"]/);
  const plan = await host.plan('db', 'queues');
  expect(verdicts(plan)).toEqual({ 'disk.queues': 'same', 'disk.iothreads': 'QUEUES_MAPPED' });
  expect((await host.apply(plan)).failure).toBeUndefined();
});

test('the simulated QEMU does not start with queues that are mapped twice, not at all, or not there', async () => {
  const connection = await connect(host.demo.uri, { readOnly: false });
  const { domain } = host.demo.daemon.vm('db');
  await connection.call('domainDestroyFlags', { domain, flags: 0 });
  const start = () => connection.call('domainCreateWithFlags', { domain: { ...domain, id: -1 }, flags: 0 });
  define(8);
  await expect(start()).rejects.toThrow('missing vq 2 IOThread assignment in iothread-vq-mapping');
  define(1);
  await expect(start()).rejects.toThrow('must be less than num_queues 1');
  define(2);
  await start();
  await connection.close();
});
