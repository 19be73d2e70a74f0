import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import {
  cpusetOfGroup,
  cpusetOfPartition,
  readVmCpusets,
  type VmCpuset,
} from '../../../tuner/facts/vm-cpusets.ts';
import { kernelTree } from './tree.ts';

let remove: (() => void) | undefined;
afterEach(() => remove?.());

function groups(files: Readonly<Record<string, string>>): ReturnType<typeof readVmCpusets> {
  const named = Object.entries(files).map(([file, text]) => [`sys/fs/cgroup/${file}`, text]);
  const tree = kernelTree(Object.fromEntries(named));
  remove = tree.remove;
  return readVmCpusets(tree.cgroupRoot);
}

const text = ({ cpus, memoryCells }: VmCpuset): string => `${cpus} / ${memoryCells}`;

const V2 = {
  'cpuset.cpus.effective': '0-15\n',
  'cpuset.mems.effective': '0-1\n',
  'machine.slice/cpuset.cpus.effective': '0-7\n',
  'machine.slice/cpuset.mems.effective': '0\n',
  'machine.slice/machine-prod.slice/cpuset.cpus.effective': '4-7\n',
  'machine.slice/machine-prod.slice/cpuset.mems.effective': '1\n',
  'machine.slice/machine-qemu\\x2d1\\x2ddb.scope/cpuset.cpus.effective': '5\n',
  'machine.slice/machine-prod.slice/machine-qemu\\x2d2\\x2dweb.scope/cpuset.cpus.effective': '6\n',
  'system.slice/dev-hugepages.mount/cpuset.cpus.effective': '1\n',
  'system.slice/dbus.socket/cpuset.cpus.effective': '1\n',
  'system.slice/swap.swap/cpuset.cpus.effective': '1\n',
  'system.slice/sshd.service/cpuset.cpus.effective': '1\n',
  'machine.slice/old.libvirt-lxc/cpuset.cpus.effective': '1\n',
};

test.each([
  ['no partition named', undefined, '0-7 / 0'],
  ['libvirt’s own', '/machine', '0-7 / 0'],
  ['a slice below it', '/machine/prod', '4-7 / 1'],
  ['a slice that is not there yet has what its parent has', '/machine/prod/db', '4-7 / 1'],
  ['another that is not there yet', '/machine/test', '0-7 / 0'],
  ['one beside machine.slice', '/batch', '0-15 / 0-1'],
])('cgroup v2 with systemd: %s', (_, partition, set) => {
  expect(text(cpusetOfPartition(groups(V2), partition))).toBe(set);
});

test('groups of single VMs, and units of systemd other than slices, are not read as partitions', () => {
  expect([...groups(V2).keys()].toSorted()).toEqual([
    '',
    'machine.slice',
    'machine.slice/machine-prod.slice',
  ]);
});

test('without systemd the folders of libvirt are plain, and have a suffix below the first', () => {
  const found = groups({
    'cpuset.cpus.effective': '0-15\n',
    'machine/cpuset.cpus.effective': '0-7\n',
    'machine/prod.partition/cpuset.cpus.effective': '4-7\n',
    'machine/prod.partition/cpuset.mems.effective': '1\n',
  });
  expect(text(cpusetOfPartition(found, '/machine/prod'))).toBe('4-7 / 1');
  expect(text(cpusetOfPartition(found))).toBe('0-7 / undefined');
});

test.each([
  ['a name with a dot gets no suffix', '/machine/prod.test', '4-7 / undefined'],
  ['nor does system at the top', '/system', '2-3 / undefined'],
  ['which is the name of a level like others below it', '/machine/system', '5 / undefined'],
  ['a unit of systemd is not a partition', '/machine/db.service', '0-7 / undefined'],
  ['nor is the group of one VM', '/machine/db.libvirt-qemu', '0-7 / undefined'],
])('without systemd: %s', (_, partition, set) => {
  const found = groups({
    'cpuset.cpus.effective': '0-15\n',
    'machine/cpuset.cpus.effective': '0-7\n',
    'machine/prod.test/cpuset.cpus.effective': '4-7\n',
    'machine/system/cpuset.cpus.effective': '6\n',
    'machine/system.partition/cpuset.cpus.effective': '5\n',
    'machine/db.service/cpuset.cpus.effective': '1\n',
    'machine/db.libvirt-qemu/cpuset.cpus.effective': '1\n',
    'system/cpuset.cpus.effective': '2-3\n',
  });
  expect(text(cpusetOfPartition(found, partition))).toBe(set);
});

test.each([
  ['machine.slice', '/machine'],
  ['machine', '/machine'],
  ['batch.slice', '/batch'],
])('where %s is missing, its VMs have the CPUs of the root', (missing, partition) => {
  const found = groups({
    'cpuset.cpus.effective': '0-15\n',
    'other.slice/cpuset.cpus.effective': '0-7\n',
  });
  expect(found.has(missing)).toBe(false);
  expect(text(cpusetOfPartition(found, partition))).toBe('0-15 / undefined');
});

test('groups are read four levels deep; those below have the CPUs of the fourth', () => {
  const names = ['a', 'a-b', 'a-b-c', 'a-b-c-d', 'a-b-c-d-e'].map((name) => `${name}.slice`);
  const folders = names.map((_, index) => names.slice(0, index + 1).join('/'));
  const found = groups(
    Object.fromEntries(
      folders.map((folder, index) => [`${folder}/cpuset.cpus.effective`, `0-${9 - index}\n`]),
    ),
  );
  expect([...found.keys()]).toEqual(folders.slice(0, 4));
  expect(text(cpusetOfPartition(found, '/a/b/c/d'))).toBe('0-6 / undefined');
  expect(text(cpusetOfPartition(found, '/a/b/c/d/e'))).toBe('0-6 / undefined');
});

test('cgroup v1 has both in the hierarchy of cpuset', () => {
  const found = groups({
    'cpuset/cpuset.effective_cpus': '0-15\n',
    'cpuset/machine.slice/cpuset.effective_cpus': '0-7\n',
    'cpuset/machine.slice/cpuset.effective_mems': '1\n',
  });
  expect(text(cpusetOfPartition(found))).toBe('0-7 / 1');
});

test('a dash in a partition is not a separate level', () => {
  const found = groups({
    'machine.slice/cpuset.cpus.effective': '0-7\n',
    'machine.slice/machine-data.slice/cpuset.cpus.effective': '1\n',
    'machine.slice/machine-data\\x2dbase.slice/cpuset.cpus.effective': '2\n',
  });
  expect(text(cpusetOfPartition(found, '/machine/data-base'))).toBe('2 / undefined');
});

test('systemd escapes the bytes of a name, not its characters', () => {
  const found = groups({
    'machine.slice/cpuset.cpus.effective': '0-7\n',
    'machine.slice/machine-\\xc3\\xa4\\xf0\\x9f\\x90\\x98.slice/cpuset.cpus.effective': '2\n',
  });
  expect(text(cpusetOfPartition(found, '/machine/ä🐘'))).toBe('2 / undefined');
});

test('a process has the cpuset of the slice that its VM is in, not that of a thread’s own group', () => {
  const found = groups(V2);
  const vcpu = '/machine.slice/machine-prod.slice/machine-qemu\\x2d1\\x2ddb.scope/libvirt/vcpu0';
  expect(text(cpusetOfGroup(found, vcpu))).toBe('4-7 / 1');
  expect(text(cpusetOfGroup(found, '/system.slice/x.service'))).toBe('0-15 / 0-1');
});

test('whatever a partition is named, the set is one of those that were read', () => {
  const found = groups(V2);
  const sets = [...found.values()].map(text);
  fc.assert(
    fc.property(fc.string(), (partition) => {
      expect(sets).toContain(text(cpusetOfPartition(found, partition)));
      expect(sets).toContain(text(cpusetOfGroup(found, partition)));
    }),
  );
});
