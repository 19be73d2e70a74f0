import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { Impact } from '../../../libvirt/constants.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import type { Plan } from '../../../tuner/plan/plan.ts';
import { OnSimulator } from '../on-simulator.ts';

const HOST = {
  name: 'limits',
  description: 'a VM',
  host: { sockets: 1, coresPerSocket: 8, memoryGiB: 64 },
  vms: [{ name: 'db', workload: 'oltp', vcpus: 2, memoryMiB: 2_048, shutdownSeconds: 0 }],
};

const knob = (value: string) => ({ value, why: 'a test wants it', source: 'judgement' });
const PROFILES = {
  limited: { title: 'limited', knobs: { 'memory.hardLimit': knob('= memory, plus 4 GiB') } },
  unlimited: { title: 'unlimited', knobs: { 'memory.hardLimit': knob('default') } },
  none: {
    title: 'none',
    knobs: { 'memory.hardLimit': knob('default'), 'memory.swapHardLimit': knob('default') },
  },
};

let host: OnSimulator;
beforeEach(async () => {
  host = await OnSimulator.start(HOST, { profiles: PROFILES });
});
afterEach(() => host.stop());

/** virsh memtune db --swap-hard-limit 32G */
async function limitSwap(flags: number): Promise<void> {
  const connection = await connect(host.demo.uri, { readOnly: false });
  await connection.call('domainSetMemoryParameters', {
    domain: host.demo.daemon.vm('db').domain,
    params: [{ field: 'swap_hard_limit', type: ParamType.ullong, value: 32n * 1024n ** 2n }],
    flags,
  });
  await connection.close();
}

const verdict = (plan: Plan): string | undefined => {
  const row = plan.domains[0]?.rows.find(({ wish }) => wish.setting.id === 'memtune.hardLimit');
  return row?.verdict.kind === 'impossible' ? row.verdict.problem.code : row?.verdict.kind;
};

/** The limits in its definition and in its live XML. */
const limits = (): string[] =>
  [true, false].map((inactive) =>
    [
      ...host.demo.daemon
        .vm('db')
        .xml({ inactive, secure: true })
        .matchAll(/<(\w*hard_limit)/g),
    ]
      .map(([, name]) => name)
      .join(' '),
  );

test.each([
  ['low-latency', 'balanced', true],
  ['low-latency', 'balanced', false],
  ['limited', 'unlimited', false],
])(
  '%s: the limit that an added limit of memory and swap needs stays with %s',
  async (first, second, restart) => {
    expect((await host.apply(await host.plan('db', first))).failure).toBeUndefined();
    await limitSwap(Impact.live | Impact.config);
    const plan = await host.plan('db', second, restart);
    expect(verdict(plan)).toBe('SWAP_LIMIT_NEEDS_LIMIT');
    expect((await host.apply(plan)).failure).toBeUndefined();
    expect(limits()).toEqual(Array(2).fill('hard_limit swap_hard_limit'));
  },
);

test('a limit of memory and swap that only the run has lets the limit go at the next boot', async () => {
  await host.apply(await host.plan('db', 'limited'));
  await limitSwap(Impact.live);
  const plan = await host.plan('db', 'unlimited', false);
  expect(verdict(plan)).toBe('boot');
  expect((await host.apply(plan)).failure).toBeUndefined();
  expect(limits()).toEqual(['', 'hard_limit swap_hard_limit']);
});

test('both limits go at once', async () => {
  await host.apply(await host.plan('db', 'limited'));
  await limitSwap(Impact.live | Impact.config);
  const plan = await host.plan('db', 'none', false);
  expect(verdict(plan)).toBe('live');
  expect((await host.apply(plan)).failure).toBeUndefined();
  expect(limits()).toEqual(['', '']);
});
