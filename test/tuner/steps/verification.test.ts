import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { liveSettingOf } from '../../../tuner/steps/live-settings/all.ts';
import type { Step } from '../../../tuner/steps/step.ts';
import { hugePages, verifyMemory } from '../../../tuner/steps/verification/memory.ts';
import { stepHost } from './step-host.ts';

const domain = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-proofs-'));
  put('proc/40/cmdline', `qemu\0-uuid\0${domain.uuid}\0`);
  put('sys/devices/system/cpu/online', '0-5\n');
  thread(40, 'qemu-system-x86', '0-5');
  thread(41, 'CPU 0/KVM', '2-3');
  thread(42, 'IO iothread1', '1');
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function thread(tid: number, comm: string, allowed: string): void {
  put(`proc/40/task/${tid}/comm`, `${comm}\n`);
  put(`proc/40/task/${tid}/status`, `Name:\t${comm}\nCpus_allowed_list:\t${allowed}\n`);
}

const host = () =>
  stepHost(
    { domainLookupByUuid: () => ({ domain: { ...domain, id: 3 } }) },
    { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys'), cgroupRoot: join(root, 'cgroup') },
  );
const verify = (step: Step, wanted: unknown) => liveSettingOf(step).verify(host(), step, wanted);
const param = (field: string, value: string) => ({ field, type: ParamType.ullong, value });
const relative = (proofs: readonly string[]) => proofs.map((proof) => proof.replace(root, ''));

test('the affinity of a thread is read from the kernel, not from libvirt', async () => {
  const step: Step = { kind: 'vcpuPin', domain, vcpu: 0, to: '2-3' };
  expect(await verify(step, '2-3')).toEqual(['thread 41 ("CPU 0/KVM"): Cpus_allowed_list 2-3']);
  // CPU 9 is offline: the kernel need not list it.
  expect(await verify(step, '2-3,9')).toHaveLength(1);
  await expect(verify(step, '4')).rejects.toMatchObject({
    code: 'TUNE_READ_BACK',
    message: expect.stringMatching(/vCPU 0 of domain "db01" should run on CPUs 4.*Cpus_allowed_list 2-3/),
  });
  expect(await verify({ kind: 'emulatorPin', domain, to: '0-5' }, '0-5')).toHaveLength(1);
  expect(await verify({ kind: 'ioThreadPin', domain, id: 1, to: '1' }, '1')).toHaveLength(1);
});

test('a thread that may run everywhere is off the CPUs that a partition has taken from VMs', async () => {
  thread(40, 'qemu-system-x86', '0-3');
  put('cgroup/machine.slice/cpuset.cpus.effective', '0-3\n');
  expect(await verify({ kind: 'emulatorPin', domain, to: '0-5' }, '0-5')).toHaveLength(1);
  await expect(verify({ kind: 'emulatorPin', domain, to: '2-5' }, '2-5')).rejects.toMatchObject({
    code: 'TUNE_READ_BACK',
  });
});

test('what cannot be seen is not evidence, and not a failure', async () => {
  expect(await verify({ kind: 'vcpuPin', domain, vcpu: 7, to: '2' }, '2')).toEqual([]);
  const step: Step = { kind: 'scheduler', domain, to: [] };
  expect(await verify(step, [param('cpu_shares', '5')])).toEqual([]);
  rmSync(join(root, 'proc/40'), { recursive: true });
  expect(await verify({ kind: 'vcpuPin', domain, vcpu: 0, to: '4' }, '4')).toEqual([]);
});

test('an iothread that libvirt says is there has to be a thread', async () => {
  const step: Step = { kind: 'ioThread', domain, id: 1, to: 'present' };
  expect(await verify(step, 'present')).toEqual(['thread 42 ("IO iothread1")']);
  await expect(verify(step, 'absent')).rejects.toMatchObject({ code: 'TUNE_READ_BACK' });
  expect(await verify({ ...step, id: 2, to: 'absent' }, 'absent')).toEqual(['no thread "IO iothread2"']);
  await expect(verify({ ...step, id: 2 }, 'present')).rejects.toThrow(/process 40 has no such thread/);
});

test('CPU time is in the files of cgroup v1', async () => {
  put('proc/40/cgroup', '4:cpu,cpuacct:/machine/qemu-3-db01.libvirt-qemu/emulator\n0::/\n');
  const group = 'cgroup/cpu/machine/qemu-3-db01.libvirt-qemu';
  put(`${group}/cpu.shares`, '2048\n');
  put(`${group}/vcpu0/cpu.cfs_quota_us`, '50000\n');
  put(`${group}/vcpu1/cpu.cfs_quota_us`, '-1\n');
  const step: Step = { kind: 'scheduler', domain, to: [] };
  expect(relative(await verify(step, [param('cpu_shares', '2048')]))).toEqual([`/${group}/cpu.shares: 2048`]);
  await expect(verify(step, [param('cpu_shares', '1024')])).rejects.toThrow(/cpu.shares has "2048"/);
  // Only one of two vCPUs has it.
  await expect(verify(step, [param('vcpu_quota', '50000')])).rejects.toThrow(
    /vcpu1\/cpu.cfs_quota_us has "-1"/,
  );
});

test('and in those of cgroup v2, in its format and layout', async () => {
  put('proc/40/cgroup', '0::/machine.slice/machine-qemu.scope/libvirt/emulator\n');
  const group = 'cgroup/machine.slice/machine-qemu.scope';
  put(`${group}/cpu.weight`, '200\n');
  put(`${group}/libvirt/vcpu0/cpu.max`, 'max 100000\n');
  put(`${group}/io.weight`, 'default 300\n');
  const scheduler: Step = { kind: 'scheduler', domain, to: [] };
  expect(await verify(scheduler, [param('cpu_shares', '200')])).toHaveLength(1);
  expect(await verify(scheduler, [param('vcpu_quota', '-1'), param('vcpu_period', '100000')])).toHaveLength(
    2,
  );
  await expect(verify(scheduler, [param('vcpu_quota', '5000')])).rejects.toThrow(/has "max 100000"/);
  const blkio: Step = { kind: 'blkio', domain, to: [] };
  expect(await verify(blkio, [param('weight', '300')])).toHaveLength(1);
});

test.each([
  ["in libvirt's group inside the unit of systemd", '/machine.slice/machine-qemu.scope', '/libvirt'],
  ["in the VM's group without systemd", '/machine/qemu-3-db01.libvirt-qemu', ''],
])('limits of a whole VM are %s, in v2 and in v1', async (_, unit, own) => {
  const scheduler: Step = { kind: 'scheduler', domain, to: [] };
  const memory: Step = { kind: 'memoryLimits', domain, to: [] };
  const check = async (files: Readonly<Record<string, string>>): Promise<void> => {
    const seen = await verify(scheduler, [param('global_quota', '150000'), param('global_period', '50000')]);
    const limits = await verify(memory, [param('hard_limit', '1048576'), param('soft_limit', '524288')]);
    expect(relative([...seen, ...limits])).toEqual(
      ['quota', 'period', 'hard', 'soft'].map((each) => files[each]),
    );
    await expect(verify(scheduler, [param('global_quota', '-1')])).rejects.toThrow(
      /global_quota -1 .*150000/,
    );
    await expect(verify(memory, [param('hard_limit', '9007199254740991')])).rejects.toThrow(/1073741824/);
  };
  put('proc/40/cgroup', `0::${unit}${own}/emulator\n`);
  // The systemd unit, which libvirt does not change, has no limits.
  put(`cgroup${unit}/cpu.max`, 'max 100000\n');
  put(`cgroup${unit}/memory.max`, 'max\n');
  put(`cgroup${unit}/memory.high`, 'max\n');
  put(`cgroup${unit}${own}/cpu.max`, '150000 50000\n');
  put(`cgroup${unit}${own}/memory.max`, '1073741824\n');
  put(`cgroup${unit}${own}/memory.high`, '536870912\n');
  await check({
    quota: `/cgroup${unit}${own}/cpu.max: 150000 50000`,
    period: `/cgroup${unit}${own}/cpu.max: 150000 50000`,
    hard: `/cgroup${unit}${own}/memory.max: 1073741824`,
    soft: `/cgroup${unit}${own}/memory.high: 536870912`,
  });
  put('proc/40/cgroup', `4:memory:${unit}${own}\n3:cpu,cpuacct:${unit}${own}/emulator\n0::/\n`);
  put(`cgroup/cpu${unit}/cpu.cfs_quota_us`, '-1\n');
  put(`cgroup/cpu${unit}/cpu.cfs_period_us`, '100000\n');
  put(`cgroup/memory${unit}/memory.limit_in_bytes`, '9223372036854771712\n');
  put(`cgroup/cpu${unit}${own}/cpu.cfs_quota_us`, '150000\n');
  put(`cgroup/cpu${unit}${own}/cpu.cfs_period_us`, '50000\n');
  put(`cgroup/memory${unit}${own}/memory.limit_in_bytes`, '1073741824\n');
  put(`cgroup/memory${unit}${own}/memory.soft_limit_in_bytes`, '536870912\n');
  await check({
    quota: `/cgroup/cpu${unit}${own}/cpu.cfs_quota_us: 150000`,
    period: `/cgroup/cpu${unit}${own}/cpu.cfs_period_us: 50000`,
    hard: `/cgroup/memory${unit}${own}/memory.limit_in_bytes: 1073741824`,
    soft: `/cgroup/memory${unit}${own}/memory.soft_limit_in_bytes: 536870912`,
  });
});

test('the weight of a VM is the first line of its file, above the weights of single devices', async () => {
  put('proc/40/cgroup', '0::/machine.slice/machine-qemu.scope/libvirt/emulator\n');
  const file = 'cgroup/machine.slice/machine-qemu.scope/io.weight';
  put(file, 'default 300\n8:0 500\n');
  const blkio: Step = { kind: 'blkio', domain, to: [] };
  expect(relative(await verify(blkio, [param('weight', '300')]))).toEqual([`/${file}: default 300`]);
  await expect(verify(blkio, [param('weight', '500')])).rejects.toThrow(/io\.weight has "default 300/);
});

const NUMA_MAPS = `7f0000000000 default file=/dev/hugepages/x huge dirty=96 N0=90 N1=6 kernelpagesize_kB=2048
7f1000000000 default anon=5 dirty=5 N0=5 kernelpagesize_kB=4
`;

test('hugepages are those that the kernel counts, by size and cell', async () => {
  expect(hugePages(NUMA_MAPS)).toEqual([
    { pageKiB: 2048, cell: 0, count: 90 },
    { pageKiB: 2048, cell: 1, count: 6 },
  ]);
  put('proc/40/numa_maps', NUMA_MAPS);
  const xml = (inner: string): string => `<domain>${inner}</domain>`;
  const backing = (size: number) =>
    `<memoryBacking><hugepages><page size='${size}' unit='MiB'/></hugepages></memoryBacking>`;
  expect(await verifyMemory(host(), domain, xml(backing(2)))).toEqual([
    'process 40: 90 pages of 2048 KiB on cell 0',
    'process 40: 6 pages of 2048 KiB on cell 1',
  ]);
  await expect(verifyMemory(host(), domain, xml(backing(1024)))).rejects.toThrow(/huge pages of 1048576 KiB/);
  const strict = `${backing(2)}<numatune><memory mode='strict' nodeset='0'/></numatune>`;
  await expect(verifyMemory(host(), domain, xml(strict))).rejects.toThrow(/all memory on cells 0, but/);
  put('proc/40/numa_maps', 'x default anon=1 N0=1 kernelpagesize_kB=4\n');
  await expect(verifyMemory(host(), domain, xml(backing(2)))).rejects.toThrow(/shows none/);
});

test("the host's own pool and KSM are in /sys", async () => {
  put('sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages', '8\n');
  put('sys/kernel/mm/ksm/pages_to_scan', '120\n');
  const pages: Step = { kind: 'hostPages', cell: 0, sizeKiB: 2048, to: 8 };
  expect(await verify(pages, 8)).toHaveLength(1);
  await expect(verify(pages, 9)).rejects.toThrow(/nr_hugepages has 8/);
  const ksm: Step = { kind: 'ksm', to: [] };
  expect(await verify(ksm, [param('shm_pages_to_scan', '120')])).toHaveLength(1);
  await expect(verify(ksm, [param('shm_pages_to_scan', '100')])).rejects.toThrow(/pages_to_scan has 120/);
});
