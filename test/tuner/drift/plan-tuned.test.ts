import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { Impact } from '../../../libvirt/constants.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import { driftOf } from '../../../tuner/drift/drift.ts';
import { planTuned } from '../../../tuner/drift/plan-tuned.ts';
import { newTransactionId } from '../../../tuner/journal/journal.ts';
import { makePlan } from '../../../tuner/plan/make-plan.ts';
import { type DomainPlan, markOf } from '../../../tuner/plan/plan.ts';
import { stepsToRestore } from '../../../tuner/watch/steps-to-restore.ts';
import { OnSimulator } from '../on-simulator.ts';

const VM = {
  workload: 'oltp',
  disks: [{ target: 'vda', sizeGiB: 50, format: 'raw' }],
  memoryMiB: 2_048,
  shutdownSeconds: 0,
};
const HOST = {
  name: 'reserved',
  description: 'two cells of eight cores, three VMs',
  host: { sockets: 2, coresPerSocket: 8, threadsPerCore: 1, memoryGiB: 64 },
  vms: [
    { ...VM, name: 'fast', vcpus: 2 },
    { ...VM, name: 'web', vcpus: 2 },
    { ...VM, name: 'mail', vcpus: 2 },
  ],
};

let host: OnSimulator;
beforeEach(async () => {
  host = await OnSimulator.start(HOST);
});
afterEach(() => host.stop());

/** `hostCpus`: value of --host-cpus; undefined without it. */
async function apply(profiles: Readonly<Record<string, string>>, hostCpus: string | undefined) {
  const { host: facts, domains } = await host.read();
  const now = new Date();
  const plan = await makePlan({
    host: facts,
    domains,
    picks: domains.flatMap((state) => {
      const profile = profiles[state.domain.name];
      return profile === undefined ? [] : [{ state, profile: host.library.get(profile) }];
    }),
    profileOf: (name) => host.library.get(name),
    hostCpus: hostCpus === undefined ? undefined : CpuSet.parse(hostCpus),
    restart: true,
    id: newTransactionId(now),
    at: now.toISOString(),
  });
  expect(plan.placement.refusals).toEqual([]);
  expect(await host.apply(plan)).toMatchObject({ kind: 'committed' });
}

async function tuned(): Promise<readonly DomainPlan[]> {
  const { host: facts, domains } = await host.read();
  const profileOf = (name: string) => host.library.get(name);
  const found = await planTuned({ host: facts, domains, meant: domains, profileOf, now: new Date() });
  return found.domains;
}

const drifted = async () =>
  (await tuned()).flatMap((plan) =>
    driftOf(plan)
      .rows.filter(({ standing }) => standing === 'run' || standing === 'definition')
      .map(({ row }) => `${plan.state.domain.name} ${row.wish.setting.id} ${row.wish.target}`),
  );

test.each([
  ['0-3', 'low-latency'],
  ['', 'oltp-database'],
])(
  'VMs that were tuned with --host-cpus %j have not drifted, with dedicated CPUs by %s',
  async (hostCpus, fast) => {
    await apply({ fast, web: 'balanced', mail: 'balanced' }, hostCpus);
    expect((await tuned()).map(({ state }) => markOf(state)?.hostCpus)).toEqual([
      hostCpus,
      hostCpus,
      hostCpus,
    ]);
    expect(await drifted()).toEqual([]);
    expect((await tuned()).flatMap((plan) => driftOf(plan).unsafe)).toEqual([]);
  },
);

test('pins that such a VM has lost are restored from its definition', async () => {
  await apply({ fast: 'low-latency', web: 'balanced' }, '0-3');
  const pinned = /<vcpupin vcpu='0' cpuset='([^']+)'/.exec(host.definition('web'))?.[1];
  const writer = await connect(host.demo.uri, { readOnly: false });
  const { domain } = host.demo.daemon.vm('web');
  const map = Uint8Array.of(255, 255);
  await writer.call('domainPinVcpuFlags', { domain, vcpu: 0, map, flags: Impact.live });
  await writer.close();
  const web = (await tuned()).find(({ state }) => state.domain.name === 'web');
  expect(web && stepsToRestore(web)).toMatchObject([{ kind: 'vcpuPin', vcpu: 0, to: pinned }]);
});

test('each VM is judged by the CPUs that its own plan kept for the host', async () => {
  await apply({ web: 'balanced' }, '0-3');
  await apply({ mail: 'balanced' }, undefined);
  expect((await tuned()).map(({ state }) => [state.domain.name, markOf(state)?.hostCpus])).toEqual([
    ['web', '0-3'],
    ['mail', undefined],
  ]);
  expect(await drifted()).toEqual([]);
});

test('the same apply again changes nothing, and one with other CPUs for the host brings the mark up to date', async () => {
  await apply({ web: 'balanced' }, '0-3');
  const marked = host.definition('web');
  await apply({ web: 'balanced' }, '0-3');
  expect(host.definition('web')).toBe(marked);
  const pins = (xml: string): string[] => xml.match(/<vcpupin [^>]*>/g) ?? [];
  // Reserves another CPU of the cell in which it is not placed, so that its pins do not change.
  const further = pins(marked).some((pin) => pin.includes("cpuset='8-")) ? '0-4' : '0-3,15';
  await apply({ web: 'balanced' }, further);
  expect(pins(host.definition('web'))).toEqual(pins(marked));
  expect((await tuned()).map(({ state }) => markOf(state)?.hostCpus)).toEqual([further]);
});

test('a VM whose profile is gone is named, and the others are looked at', async () => {
  await apply({ web: 'balanced', mail: 'dense' }, undefined);
  const { host: facts, domains } = await host.read();
  const profileOf = (name: string) => (name === 'dense' ? undefined : host.library.get(name));
  const found = await planTuned({ host: facts, domains, meant: domains, profileOf, now: new Date() });
  expect(found.domains.map(({ state }) => state.domain.name)).toEqual(['web']);
  expect(found.withoutProfile.map(({ domain }) => domain.name)).toEqual(['mail']);
});
