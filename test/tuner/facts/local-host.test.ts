import { afterEach, expect, test } from 'vitest';
import { parseHugetlbfs, readLocalHost } from '../../../tuner/facts/local-host.ts';
import { kernelTree } from './tree.ts';

let remove: (() => void) | undefined;
afterEach(() => remove?.());

function read(files: Readonly<Record<string, string>>): ReturnType<typeof readLocalHost> {
  const tree = kernelTree(files);
  remove = tree.remove;
  return readLocalHost(tree);
}

const cache = (cpu: number, shared: string): Record<string, string> => {
  const folder = `sys/devices/system/cpu/cpu${cpu}/cache`;
  return {
    [`${folder}/index0/level`]: '1\n',
    [`${folder}/index0/shared_cpu_list`]: `${cpu}\n`,
    [`${folder}/index3/level`]: '3\n',
    [`${folder}/index3/size`]: '16384K\n',
    [`${folder}/index3/shared_cpu_list`]: `${shared}\n`,
  };
};

test('a host that is set up for guests reports all of it', () => {
  const local = read({
    'sys/devices/system/cpu/isolated': '2-5\n',
    'sys/devices/system/cpu/nohz_full': '2-5\n',
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'performance\n',
    'sys/devices/system/cpu/cpu1/cpufreq/scaling_governor': 'powersave\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state0/latency': '2\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state0/disable': '0\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state1/latency': '133\n',
    'sys/devices/system/cpu/cpu0/cpuidle/state1/disable': '1\n',
    'sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
    'sys/kernel/mm/ksm/run': '0\n',
    'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory\n',
    'proc/sys/vm/swappiness': '10\n',
    'proc/sys/kernel/numa_balancing': '1\n',
    'proc/meminfo': 'MemTotal: 100 kB\nHugepagesize:       2048 kB\n',
    'proc/mounts': 'hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n',
    'proc/cgroups': '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t9\t1\nmemory\t0\t9\t0\n',
    ...cache(0, '0-1'),
    ...cache(1, '0-1'),
    ...cache(2, '2-3'),
  });
  expect(local.isolatedCpus?.toString()).toBe('2-5');
  expect(local.nohzFullCpus?.toString()).toBe('2-5');
  expect(local.governors).toEqual(new Set(['performance', 'powersave']));
  // A disabled idle state causes no latency.
  expect(local.idleLatencyUs).toBe(2);
  expect(local.caches.map(({ cpus, sizeKiB }) => [cpus.toString(), sizeKiB])).toEqual([
    ['0-1', 16_384],
    ['2-3', 16_384],
  ]);
  expect(local).toMatchObject({
    transparentHugepages: 'madvise',
    ksmRun: 0,
    cgroupVersion: 2,
    swappiness: 10,
    numaBalancing: true,
    defaultPageKiB: 2_048,
    hugetlbfs: [{ path: '/dev/hugepages', sizeKiB: 2_048 }],
    forbidden: [],
  });
  expect(local.cgroupControllers).toEqual(new Set(['cpu']));
});

test('a host that reports nothing is not taken for one where all is off', () => {
  const local = read({ 'proc/mounts': '' });
  expect(local).toMatchObject({
    isolatedCpus: undefined,
    nohzFullCpus: undefined,
    cgroupVersion: undefined,
    governors: undefined,
    idleLatencyUs: undefined,
    swappiness: undefined,
    numaBalancing: undefined,
    transparentHugepages: undefined,
    defaultPageKiB: undefined,
    ksmRun: undefined,
  });
});

test('no isolated CPUs is an empty set, and not an unknown one', () => {
  expect(read({ 'sys/devices/system/cpu/isolated': '\n' }).isolatedCpus?.size).toBe(0);
  expect(read({ 'sys/devices/system/cpu/nohz_full': '(null)\n' }).nohzFullCpus?.size).toBe(0);
});

test('control groups of version 1 are mounted controller by controller', () => {
  expect(
    read({ 'sys/fs/cgroup/cpu,cpuacct/tasks': '', 'sys/fs/cgroup/memory/tasks': '' }).cgroupVersion,
  ).toBe(1);
});

test('mounts of hugetlbfs: sizes in any unit, none named, blanks in the path', () => {
  const mounts = [
    'proc /proc proc rw 0 0',
    'hugetlbfs /dev/hugepages1G hugetlbfs rw,pagesize=1024M,nr_inodes=1 0 0',
    'hugetlbfs /mnt/my\\040pages hugetlbfs rw 0 0',
    'tmpfs /dev/hugepages tmpfs rw 0 0',
  ].join('\n');
  expect(parseHugetlbfs(mounts)).toEqual([
    { path: '/dev/hugepages1G', sizeKiB: 1_048_576 },
    { path: '/mnt/my pages', sizeKiB: undefined },
  ]);
});

test('an isolated partition of cgroup v2 counts beside isolcpus', () => {
  const both = read({
    'sys/devices/system/cpu/isolated': '2-3\n',
    'sys/fs/cgroup/cpuset.cpus.isolated': '2-3,6-7\n',
  });
  expect(both.isolatedCpus?.toString()).toBe('2-3,6-7');
  remove?.();
  expect(read({ 'sys/fs/cgroup/cpuset.cpus.isolated': '6-7\n' }).isolatedCpus?.toString()).toBe('6-7');
});

const frequencies = (...mhz: number[]): Record<string, string> =>
  Object.fromEntries(
    mhz.map((each, cpu) => [
      `sys/devices/system/cpu/cpu${cpu}/cpufreq/cpuinfo_max_freq`,
      `${each * 1_000}\n`,
    ]),
  );

test.each([
  ['Intel names its E cores', { 'sys/devices/cpu_atom/cpus': '16-23\n' }, '16-23'],
  [
    'Arm reports capacities',
    {
      'sys/devices/system/cpu/cpu0/cpu_capacity': '446\n',
      'sys/devices/system/cpu/cpu1/cpu_capacity': '1024\n',
    },
    '0',
  ],
  ['elsewhere the highest frequency decides', frequencies(5_000, 5_000, 3_800), '2'],
  ['boost clocks that differ a little do not', frequencies(5_100, 5_000, 4_900), undefined],
  ['nothing is reported', {}, undefined],
])('slower cores: %s', (_, files, cpus) => {
  expect(read(files as Record<string, string>).efficiencyCpus?.toString()).toBe(cpus);
});

test('devices report their cell; -1 is none', () => {
  const local = read({
    'sys/bus/pci/devices/0000:81:00.0/numa_node': '1\n',
    'sys/bus/pci/devices/0000:00:1f.0/numa_node': '-1\n',
    'sys/class/net/ens1/device/numa_node': '0\n',
  });
  expect([...(local.pciCells ?? [])]).toEqual([['0000:81:00.0', 1]]);
  expect([...(local.nicCells ?? [])]).toEqual([['ens1', 0]]);
});

test.each([
  ['the switch is off', { 'proc/sys/kernel/io_uring_disabled': '0\n' }, true],
  ['only for those with the right', { 'proc/sys/kernel/io_uring_disabled': '1\n' }, false],
  ['disabled for all users', { 'proc/sys/kernel/io_uring_disabled': '2\n' }, false],
  ['a kernel before the switch', { 'proc/sys/kernel/osrelease': '6.1.0-18-amd64\n' }, true],
  ['a kernel before io_uring', { 'proc/sys/kernel/osrelease': '4.18.0-553.el8\n' }, false],
  ['nothing is reported', {}, undefined],
])('io_uring: %s', (_, files, has) => {
  expect(read(files as Record<string, string>).ioUring).toBe(has);
});

test.each([
  ['with systemd', { 'machine.slice/cpuset.cpus.effective': '0-5\n', 'cpuset.cpus.effective': '0-7\n' }],
  ['without systemd', { 'machine/cpuset.cpus.effective': '0-5\n' }],
  ['before the first VM', { 'cpuset.cpus.effective': '0-5\n' }],
  ['with cgroup v1', { 'cpuset/machine.slice/cpuset.effective_cpus': '0-5\n' }],
])('CPUs available to VMs, %s; isolated are those of them alone', (_, files) => {
  const groups = Object.entries(files).map(([file, text]) => [`sys/fs/cgroup/${file}`, text]);
  const local = read({
    ...Object.fromEntries(groups),
    'sys/devices/system/cpu/isolated': '4\n',
    'sys/fs/cgroup/cpuset.cpus.isolated': '6-7\n',
  });
  expect(local.vmCpus?.toString()).toBe('0-5');
  expect(local.isolatedCpus?.toString()).toBe('4');
});

test('a control group that says nothing of CPUs forbids none', () => {
  expect(read({ 'sys/fs/cgroup/machine.slice/cpuset.cpus.effective': '\n' }).vmCpus).toBeUndefined();
});
