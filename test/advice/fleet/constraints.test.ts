import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { constraintsOf, constraintsSchema, hostOf } from '../../../advice/fleet/constraints.ts';
import { DEFAULT_LIMITS } from '../../../advice/fleet/fleet.ts';
import { parseYaml } from '../../../model/yaml.ts';
import { vmOf } from './made-fleet.ts';

const read = (text: string) => parseYaml('constraints.yaml', text, constraintsSchema);

test('an empty file has the limits of the alerts', () => {
  expect(constraintsOf(read('')).limits).toEqual(DEFAULT_LIMITS);
});

test('the example of the guide is a valid file, and its limits and headroom are the defaults', () => {
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync('docs/fleet.md', 'utf8')) ?? [];
  const file = read(yaml);
  expect(Object.keys(file).toSorted()).toEqual(Object.keys(constraintsSchema.shape).toSorted());
  const { limits, bandwidth, horizonSeconds } = constraintsOf(file);
  const defaults = constraintsOf(read(''));
  expect({ limits, bandwidth, horizonSeconds }).toEqual({
    limits: defaults.limits,
    bandwidth: defaults.bandwidth,
    horizonSeconds: defaults.horizonSeconds,
  });
});

test('limits, headroom, bandwidth and horizon are read, and --headroom overrides the file', () => {
  const file = read(`
limits: { contention: 10%, memory: 0.95, memory_overcommit: 1.5 }
headroom: { cpu: 20%, memory: 2% }
bandwidth: 100MiB
horizon: 2d
`);
  expect(constraintsOf(file)).toMatchObject({
    limits: { contention: 0.1, memory: 0.98, memoryOvercommit: 1.5, cpuHeadroom: 0.2, memoryHeadroom: 0.02 },
    bandwidth: 100 * 1024 ** 2,
    horizonSeconds: 2 * 86_400,
  });
  expect(constraintsOf(file, 0.3).limits).toMatchObject({
    cpuHeadroom: 0.3,
    memoryHeadroom: 0.3,
    memory: 0.95,
  });
});

test('VMs are meant by name, glob or UUID, and groups by label, of the file and of metadata', () => {
  const { groupsOf, isToStay } = constraintsOf(
    read(`
stay: [gw-*, uuid-x]
affinity: [{ vms: [app, cache] }]
anti_affinity: [{ vms: ["db*"] }, { label: project_name }]
`),
  );
  expect(['gw-1', 'x', 'gw'].map((name) => isToStay(vmOf(name, 1)))).toEqual([true, true, false]);
  const groups = (name: string, labels: Record<string, string> = {}) =>
    groupsOf(vmOf(name, 1, { labels: new Map(Object.entries(labels)) })).map(
      ({ kind, name: of }) => `${kind} ${of}`,
    );
  expect(groups('app')).toEqual(['affinity app, cache']);
  expect(groups('db-2', { project_name: 'shop' })).toEqual([
    'anti-affinity db*',
    'anti-affinity project_name=shop',
  ]);
  expect(groups('any', { anti_affinity: 'etcd', affinity: '' })).toEqual([
    'anti-affinity anti_affinity=etcd',
  ]);
});

test('closed hosts are meant by instance, host name or glob', () => {
  const { isClosed } = constraintsOf(read('closed: [kvm1, "kvm2:9177", "old-*"]'));
  expect(['kvm1:9177', 'kvm2:9177', 'old-3:9177', 'kvm3:9177'].map(isClosed)).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

test.each([
  ['headroom: { cpu: 1 }', 'headroom.cpu: expected a share such as 10% or 0.1, below 100%'],
  ['uri: qemu:///system', 'uri: expected a URI with {host}'],
  ['horizon: 20', 'horizon: expected a duration with a unit'],
  ['anti_affinity: [[a, b]]', 'anti_affinity.0:'],
  ['typo: 1', 'typo'],
])('%s is refused', (text, message) => {
  expect(() => read(text)).toThrow(message);
});

test('the host of an instance is what is before the port', () => {
  expect(['kvm1:9177', 'kvm1', '[2001:db8::1]:9177', '10.0.0.1:9177', '2001:db8::1'].map(hostOf)).toEqual([
    'kvm1',
    'kvm1',
    '2001:db8::1',
    '10.0.0.1',
    '2001:db8::1',
  ]);
});
