import { expect, test } from 'vitest';
import { experimentOf } from '../../cli/tune/experiment.ts';

const FLAGS = {
  every: 5,
  blocks: 12,
  block: 60,
  blockSettle: 15,
  margin: 5,
  keepIf: 'better',
  baseline: 300,
} as const;
const own = { name: 'db', uuid: '00000000-0000-4000-8000-000000000001', id: 1 };
const other = { name: 'web', uuid: '00000000-0000-4000-8000-000000000002', id: 2 };
const sampler = { sample: () => Promise.reject(new Error('not sampled here')) };

test('limits that an operator sets hold for every VM, in the units of the figures', () => {
  const { primary, secondary, guards } = experimentOf(own, [other], sampler, {
    ...FLAGS,
    stealLimit: 20,
    latencyLimit: 50,
  });
  const limits = [primary, ...secondary, ...guards].flatMap(({ name, guard }) =>
    guard?.limit === undefined ? [] : [[name, guard.limit]],
  );
  expect(limits).toEqual([
    ['libvirt_domain_cpu_steal_ratio', 0.2],
    ['libvirt_domain_disk_request_latency_seconds', 0.05],
    ['libvirt_domain_cpu_steal_ratio of "web"', 0.2],
    ['libvirt_domain_disk_request_latency_seconds of "web"', 0.05],
  ]);
});

test('without limits none is set', () => {
  const { primary } = experimentOf(own, [], sampler, FLAGS);
  expect(primary.guard?.limit).toBeUndefined();
});
