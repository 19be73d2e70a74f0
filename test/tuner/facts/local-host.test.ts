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

test('a host that is set up for guests tells all of it', () => {
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
  // A state that is switched off delays nobody.
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

test('a host that tells nothing is not taken for one where all is off', () => {
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

test('no isolated CPUs is a set without any, and not nothing told', () => {
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
