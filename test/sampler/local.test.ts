import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CpuSet } from '../../model/cpu-set.ts';
import type { CgroupFigures } from '../../model/local.ts';
import type { HostTopology } from '../../model/topology.ts';
import { Background } from '../../sampler/background-read.ts';
import { cgroupFolders, groupOfVm, parseCgroups, readCgroup } from '../../sampler/local/cgroup.ts';
import { LocalReader } from '../../sampler/local/local-reader.ts';
import { parseNumaMaps, remoteShare } from '../../sampler/local/memory-map.ts';
import { Processes, startOf, uuidArgument } from '../../sampler/local/processes.ts';
import { ResidentMemory } from '../../sampler/local/resident-memory.ts';
import { parseSchedstat, readVcpuCpus, roleOf, ThreadTimes } from '../../sampler/local/threads.ts';
import { VmThrottling } from '../../sampler/local/throttling.ts';
import { LocalVcpus, parseWaitSum } from '../../sampler/local/vcpus.ts';
import { SlowReads } from '../../sampler/slow-reads.ts';

const WEB = { name: 'web', uuid: '11111111-1111-1111-1111-111111111111', id: 3 };
const WEB2 = { name: 'web2', uuid: '22222222-2222-2222-2222-222222222222', id: 4 };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'virtune-proc-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function qemu(pid: number, { name, uuid }: typeof WEB): void {
  put(`proc/${pid}/cmdline`, ['qemu-system-x86_64', '-name', `guest=${name}`, '-uuid', uuid, ''].join('\0'));
}

function task(pid: number, tid: number, comm: string, schedstat: string, cpu = 0): void {
  put(`proc/${pid}/task/${tid}/comm`, `${comm}\n`);
  put(`proc/${pid}/task/${tid}/schedstat`, schedstat);
  put(`proc/${pid}/task/${tid}/stat`, `${tid} (${comm}) S ${'0 '.repeat(35)}${cpu} 0 0\n`);
}

test('the start of a process is read from its stat, whatever its name is', () => {
  const fields = Array.from({ length: 50 }, (_, index) => String(index + 3)).join(' ');
  // The first of these fields is the state, the third in the file; the start time, field 22, is 22 ticks of 10 ms.
  const stat = `4242 (a) b (c) ${fields}`;
  expect(startOf('cpu 1 2\nbtime 1700000000\n', stat)).toBe(1_700_000_000_220);
  expect(startOf('cpu 1 2\n', stat)).toBeUndefined();
  expect(startOf('btime 1700000000\n', undefined)).toBeUndefined();
  expect(startOf('btime 1700000000\n', '4242 (qemu) S 1')).toBeUndefined();
});

test("a running domain's process has a start as soon as it is found", async () => {
  qemu(41, WEB);
  put('proc/stat', 'btime 1700000000\n');
  put('proc/41/stat', `41 (qemu) ${Array.from({ length: 50 }, () => '100').join(' ')}`);
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  await processes.look([WEB]);
  expect(processes.startedAtMs(WEB)).toBe(1_700_000_001_000);
  processes.find([]);
  expect(processes.startedAtMs(WEB)).toBeUndefined();
});

test('a process is found by its whole UUID argument: web is not web2', async () => {
  qemu(10, WEB2);
  qemu(20, WEB);
  put('proc/30/cmdline', `vim\0notes-about-uuid-${WEB.uuid}\0`);
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  await processes.look([WEB, WEB2]);
  expect([...processes.find([WEB, WEB2])]).toEqual([
    [WEB.uuid, 20],
    [WEB2.uuid, 10],
  ]);
  expect(uuidArgument('qemu\0-uuid')).toBeUndefined();
});

test('a VM that is off has no process, and is not looked for', async () => {
  qemu(20, WEB);
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  const off = { ...WEB, id: -1 };
  await processes.look([off]);
  expect([processes.find([off]).size, processes.pidOf(off)]).toEqual([0, undefined]);
  // There was no scan, so the pause after a scan does not delay the first VM that runs.
  const first = { ...WEB, id: 1 };
  await processes.look([first]);
  expect(processes.find([first]).get(WEB.uuid)).toBe(20);
});

test('a VM that is not found causes no scan at each tick', async () => {
  let nowMs = 0;
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => nowMs);
  await processes.look([WEB]);
  expect(processes.find([WEB]).size).toBe(0);
  qemu(20, WEB);
  await processes.look([WEB]);
  expect(processes.find([WEB]).size).toBe(0);
  nowMs = 10_000;
  await processes.look([WEB]);
  expect(processes.find([WEB]).get(WEB.uuid)).toBe(20);
  // Another run of the same VM is another process.
  expect(processes.find([{ ...WEB, id: 9 }]).size).toBe(0);
});

test.each([
  ['CPU 0/KVM', 'vcpu'],
  ['CPU 11/TCG', 'vcpu'],
  ['IO iothread1', 'iothread'],
  ['IO mon_iothread', 'emulator'],
  ['vhost-1234', 'vhost'],
  ['qemu-system-x86', 'emulator'],
  ['worker', 'emulator'],
])('a thread called %s is of role %s', (comm, role) => {
  expect(roleOf(comm)).toBe(role);
});

test('the times of threads are added by role, and a thread that ends during the read is skipped', () => {
  task(20, 20, 'qemu-system-x86', '5 1 9\n');
  task(20, 21, 'CPU 0/KVM', '100 10 9\n', 2);
  task(20, 22, 'CPU 1/KVM', '200 20 9\n', 3);
  mkdirSync(join(root, 'proc/20/task/23'));
  expect(new ThreadTimes(join(root, 'proc'), 20).read()?.get('vcpu')).toEqual({
    threads: 2,
    cpuNs: 300,
    delayNs: 30,
  });
  expect(readVcpuCpus(join(root, 'proc'), 20)).toEqual([2, 3]);
  expect(new ThreadTimes(join(root, 'proc'), 99).read()).toBeUndefined();
});

test('what a thread had counted stays when it ends, and when another gets its number', () => {
  const times = new ThreadTimes(join(root, 'proc'), 30);
  const emulator = () => times.read()?.get('emulator');
  task(30, 30, 'qemu-system-x86', '50 5 9\n');
  task(30, 31, 'worker', '1000 100 9\n');
  expect(emulator()).toEqual({ threads: 2, cpuNs: 1_050, delayNs: 105 });
  rmSync(join(root, 'proc/30/task/31'), { recursive: true });
  expect(emulator()).toEqual({ threads: 1, cpuNs: 1_050, delayNs: 105 });
  task(30, 31, 'worker', '20 2 9\n');
  expect(emulator()).toEqual({ threads: 2, cpuNs: 1_070, delayNs: 107 });
  task(30, 31, 'worker', '3 1 9\n');
  expect(emulator()).toEqual({ threads: 2, cpuNs: 1_073, delayNs: 108 });
});

test("the VM's group is the one above those that libvirt makes in it", () => {
  expect(parseCgroups('2:cpu,cpuacct:/a\n0::/b:c\n').get('cpuacct')).toBe('/a');
  expect(parseCgroups('0::/b:c\n').get('')).toBe('/b:c');
  expect(groupOfVm('/machine/qemu-1-vm.libvirt-qemu/emulator')).toBe('/machine/qemu-1-vm.libvirt-qemu');
  expect(groupOfVm('/machine.slice/machine-qemu.scope/libvirt/vcpu0')).toBe(
    '/machine.slice/machine-qemu.scope',
  );
});

const cgroupOf = async (pid: number): Promise<CgroupFigures | undefined> =>
  readCgroup(await cgroupFolders(join(root, 'proc'), join(root, 'cg'), pid), new VmThrottling());

test('throttling does not fall when a vCPU is unplugged, and goes on when it is plugged again', () => {
  const group = join(root, 'cg/unplugged');
  const throttling = new VmThrottling();
  const vcpu1 = (periods: number) =>
    put('cg/unplugged/vcpu1/cpu.stat', `nr_periods ${periods}\nnr_throttled 1\nthrottled_usec 5\n`);
  put('cg/unplugged/vcpu0/cpu.stat', 'nr_periods 10\nnr_throttled 4\nthrottled_usec 2\n');
  vcpu1(30);
  expect(throttling.read(group)).toEqual({ periods: 40, throttledPeriods: 5, throttledNs: 7_000 });
  rmSync(join(group, 'vcpu1'), { recursive: true });
  expect(throttling.read(group)).toEqual({ periods: 40, throttledPeriods: 5, throttledNs: 7_000 });
  vcpu1(2);
  expect(throttling.read(group)).toMatchObject({ periods: 42 });
});

test('throttling of all groups of a VM is added, in v2 and in v1', async () => {
  put('proc/20/cgroup', '0::/machine.slice/vm.scope/libvirt/emulator\n');
  const scope = 'cg/machine.slice/vm.scope';
  put(`${scope}/cpu.stat`, 'usage_usec 5\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n');
  // For the quota of the whole VM.
  put(`${scope}/libvirt/cpu.stat`, 'nr_periods 10\nnr_throttled 3\nthrottled_usec 500\n');
  put(`${scope}/libvirt/vcpu0/cpu.stat`, 'nr_periods 100\nnr_throttled 40\nthrottled_usec 2000000\n');
  put(`${scope}/libvirt/vcpu1/cpu.stat`, 'nr_periods 100\nnr_throttled 2\nthrottled_usec 1000\n');
  put(
    `${scope}/cpu.pressure`,
    'some avg10=0 avg60=0 avg300=0 total=7\nfull avg10=0 avg60=0 avg300=0 total=1\n',
  );
  put(`${scope}/memory.current`, '4096\n');
  const v2 = await cgroupOf(20);
  expect(v2).toMatchObject({
    periods: 210,
    throttledPeriods: 45,
    throttledNs: 2_001_500_000,
    memoryBytes: 4_096,
  });
  expect(v2?.pressure.get('cpu')).toEqual({ someNs: 7_000, fullNs: 1_000 });
  put('proc/21/cgroup', '1:cpu,cpuacct:/machine/vm/emulator\n4:memory:/machine/vm\n0::/\n');
  put('cg/cpu/machine/vm/cpu.stat', 'nr_periods 3\nnr_throttled 1\nthrottled_time 500\n');
  put('cg/memory/machine/vm/memory.usage_in_bytes', '99\n');
  expect(await cgroupOf(21)).toMatchObject({
    periods: 3,
    throttledNs: 500,
    memoryBytes: 99,
  });
});

test('a VM whose groups count no quota periods has no figure for them, and not zero', async () => {
  put('proc/20/cgroup', '0::/machine.slice/vm.scope/libvirt/emulator\n');
  put('cg/machine.slice/vm.scope/cpu.stat', 'usage_usec 5\n');
  put('cg/machine.slice/vm.scope/memory.current', '4096\n');
  expect(await cgroupOf(20)).toEqual({
    periods: undefined,
    throttledPeriods: undefined,
    throttledNs: undefined,
    memoryBytes: 4_096,
    pressure: new Map(),
  });
});

test('memory is added by node and page size, and remote is what lies away from the vCPUs', () => {
  const bytes = parseNumaMaps(
    '7f00 default anon=3 N0=2 N1=1 kernelpagesize_kB=4\n7f10 bind:1 huge anon=1 N1=1 kernelpagesize_kB=2048\n',
  );
  expect([...bytes]).toEqual([
    [0, 8_192],
    [1, 4_096 + 2_097_152],
  ]);
  const even = new Map([
    [0, 100],
    [1, 300],
  ]);
  expect(remoteShare(even, [1, 1])).toBe(0.25);
  expect(remoteShare(even, [0, 1])).toBe(0.5);
  expect(remoteShare(new Map(), [0])).toBeUndefined();
  expect(remoteShare(even, [])).toBeUndefined();
});

const IN_TIME = { aborted: false };
const PATIENT = { firstUntilMs: 1e9, untilMs: 1e9 };

test('each group that gives nothing says why', async () => {
  const nowMs = 0;
  qemu(20, WEB);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n');
  const groups = new Set(['threads', 'numa'] as const);
  const options = {
    groups,
    cgroupRoot: join(root, 'cg'),
    processes: new Processes(join(root, 'proc'), new SlowReads(), () => 0),
    background: new Background(),
    slowReads: new SlowReads(),
    steadyMs: () => nowMs,
  };
  await options.processes.look([WEB, WEB2]);
  const here = new LocalReader({ ...options, procRoot: join(root, 'proc') });
  here.startTick([WEB, WEB2], undefined);
  await options.background.waitForAnswers(PATIENT);
  const read = await here.read([WEB, WEB2], IN_TIME);
  expect(read.get(WEB.uuid)?.threads?.get('vcpu')?.cpuNs).toBe(100);
  expect(read.get(WEB.uuid)?.missing).toEqual([{ group: 'numa', reason: 'not_permitted' }]);
  expect(read.get(WEB2.uuid)?.missing.map((each) => each.reason)).toEqual(['no_process', 'no_process']);
  const away = new LocalReader({ ...options, procRoot: undefined });
  expect((await away.read([WEB], IN_TIME)).get(WEB.uuid)?.missing[0]?.reason).toBe('not_local');
});

test('from sample to sample, threads that end and groups of unplugged vCPUs lower no counter of their VM', async () => {
  qemu(20, WEB);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n');
  task(20, 22, 'worker', '70 7 9\n');
  put('proc/20/cgroup', '0::/vm.scope/libvirt/emulator\n');
  const vcpu1 = 'cg/vm.scope/libvirt/vcpu1';
  put(`${vcpu1}/cpu.stat`, 'nr_periods 30\nnr_throttled 1\nthrottled_usec 5\n');
  const background = new Background();
  const reader = new LocalReader({
    groups: new Set(['threads', 'cgroup']),
    procRoot: join(root, 'proc'),
    cgroupRoot: join(root, 'cg'),
    processes: await processesOf(),
    background,
    slowReads: new SlowReads(),
    steadyMs: () => 0,
  });
  const read = async () => {
    reader.startTick([WEB], undefined);
    await background.waitForAnswers(PATIENT);
    const { threads, cgroup } = (await reader.read([WEB], IN_TIME)).get(WEB.uuid) ?? {};
    return [threads?.get('emulator')?.cpuNs, cgroup?.periods];
  };
  expect(await read()).toEqual([70, 30]);
  for (const gone of ['proc/20/task/22', vcpu1]) rmSync(join(root, gone), { recursive: true });
  expect(await read()).toEqual([70, 30]);
});

test('a file that blocks its reader costs its own group, for that reason, and holds no sample', async () => {
  qemu(20, WEB);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n');
  const blocked = join(root, 'proc/20/cgroup');
  execFileSync('mkfifo', [blocked]);
  const slowReads = new SlowReads();
  const background = new Background();
  const reader = new LocalReader({
    groups: new Set(['threads', 'cgroup']),
    procRoot: join(root, 'proc'),
    cgroupRoot: join(root, 'cg'),
    processes: await processesOf(),
    background,
    slowReads,
    steadyMs: () => 0,
  });
  reader.startTick([WEB], undefined);
  await background.waitForAnswers({ firstUntilMs: performance.now() + 50, untilMs: 0 });
  const figures = (await reader.read([WEB], IN_TIME)).get(WEB.uuid);
  expect(figures?.threads?.get('vcpu')?.cpuNs).toBe(100);
  expect(figures?.missing).toEqual([{ group: 'cgroup', reason: 'unresponsive' }]);
  // Unblocks its reader with an end of file.
  writeFileSync(blocked, '');
});

test('page tables are walked once a minute, and not at all once the time is over', async () => {
  qemu(20, WEB);
  const maps = (pages: number): void =>
    put('proc/20/numa_maps', `7f00 default anon=1 N0=${pages} kernelpagesize_kB=4\n`);
  maps(1);
  let nowMs = 0;
  const background = new Background();
  const slowReads = new SlowReads();
  const processes = new Processes(join(root, 'proc'), slowReads, () => nowMs);
  await processes.look([WEB]);
  const reader = new LocalReader({
    groups: new Set(['numa']),
    procRoot: join(root, 'proc'),
    cgroupRoot: join(root, 'cg'),
    processes,
    background,
    slowReads,
    steadyMs: () => nowMs,
  });
  const bytes = async (aborted = false): Promise<number | undefined> => {
    reader.startTick([WEB], undefined);
    await background.waitForAnswers(PATIENT);
    return (await reader.read([WEB], { aborted })).get(WEB.uuid)?.memoryMap?.nodeBytes.get(0);
  };
  expect(await bytes()).toBe(4_096);
  maps(2);
  nowMs = 29_000;
  expect(await bytes()).toBe(4_096);
  nowMs = 60_000;
  expect(await bytes(true)).toBeUndefined();
  expect((await reader.read([WEB], { aborted: true })).get(WEB.uuid)?.missing).toEqual([
    { group: 'numa', reason: 'late' },
  ]);
  expect(await bytes()).toBe(8_192);
});

/** Reads these groups; `read` is one tick. */
function localReader(groups: readonly ('threads' | 'cgroup' | 'numa')[]) {
  const clock = { nowMs: 0 };
  const background = new Background();
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => clock.nowMs);
  const reader = new LocalReader({
    groups: new Set(groups),
    procRoot: join(root, 'proc'),
    cgroupRoot: join(root, 'cg'),
    processes,
    background,
    slowReads: new SlowReads(),
    steadyMs: () => clock.nowMs,
  });
  const read = async (domains: readonly (typeof WEB)[], topology?: HostTopology) => {
    await processes.look(domains);
    reader.startTick(domains, topology);
    await background.waitForAnswers(PATIENT);
    return reader.read(domains, IN_TIME);
  };
  return { clock, read };
}

test('a VM that is moved to another control group is found there a minute later', async () => {
  qemu(20, WEB);
  for (const [name, bytes] of [
    ['one', 4_096],
    ['two', 8_192],
  ] as const) {
    put(`cg/machine.slice/${name}.scope/memory.current`, `${bytes}\n`);
  }
  put('proc/20/cgroup', '0::/machine.slice/one.scope/libvirt/emulator\n');
  const { clock, read } = localReader(['cgroup']);
  const bytes = async (): Promise<number | undefined> =>
    (await read([WEB])).get(WEB.uuid)?.cgroup?.memoryBytes;
  expect(await bytes()).toBe(4_096);
  put('proc/20/cgroup', '0::/machine.slice/two.scope/libvirt/emulator\n');
  clock.nowMs = 29_000;
  expect(await bytes()).toBe(4_096);
  clock.nowMs = 60_000;
  expect(await bytes()).toBe(8_192);
});

test("a VM's remote memory is that of other cells than its vCPUs run in, by the topology that was last known", async () => {
  qemu(20, WEB);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n', 1);
  put('proc/20/numa_maps', '7f00 default anon=4 N0=3 N1=1 kernelpagesize_kB=4\n');
  const cell = (id: number) => ({
    id,
    memoryKiB: undefined,
    pages: [],
    distances: new Map(),
    cpus: [{ id, socketId: 0, dieId: 0, coreId: id, siblings: CpuSet.of([id]) }],
  });
  const topology: HostTopology = {
    arch: 'x86_64',
    cpuModel: undefined,
    cells: [cell(0), cell(1)],
    caches: [],
  };
  const { clock, read } = localReader(['numa']);
  const share = async (known?: HostTopology): Promise<number | undefined> =>
    (await read([WEB], known)).get(WEB.uuid)?.memoryMap?.remoteShare;
  expect(await share(topology)).toBe(0.75);
  clock.nowMs = 60_000;
  expect(await share()).toBe(0.75);
});

test('merged memory is in pages of the kernel, which are not 4 KiB everywhere', async () => {
  qemu(20, WEB);
  qemu(30, WEB2);
  put('proc/20/ksm_merging_pages', '16384\n');
  put(
    'proc/20/numa_maps',
    'ff00 default N0=1 kernelpagesize_kB=2048\nff80 default N0=2 kernelpagesize_kB=64\n',
  );
  put('proc/30/ksm_merging_pages', '16384\n');
  put('proc/30/numa_maps', '7f00 default N0=1 kernelpagesize_kB=4\n');
  const found = await localReader(['numa']).read([WEB, WEB2]);
  const merged = [WEB, WEB2].map(({ uuid }) => found.get(uuid)?.memoryMap?.ksmMergedBytes);
  expect(merged).toEqual([2 ** 30, 2 ** 26]);
});

test('a VM that is off has no figures of a process', async () => {
  qemu(20, WEB);
  qemu(30, WEB2);
  const { read } = localReader(['threads']);
  expect([...(await read([WEB, { ...WEB2, id: -1 }])).keys()]).toEqual([WEB.uuid]);
});

test('figures of a process that has ended are not used for another with the same PID', async () => {
  qemu(20, WEB);
  const maps = (pages: number): void =>
    put('proc/20/numa_maps', `7f00 default anon=1 N0=${pages} kernelpagesize_kB=4\n`);
  maps(1);
  const { clock, read } = localReader(['numa']);
  const bytes = async (domain: typeof WEB): Promise<number | undefined> =>
    (await read([domain])).get(domain.uuid)?.memoryMap?.nodeBytes.get(0);
  expect(await bytes(WEB)).toBe(4_096);
  expect(await bytes(WEB2)).toBeUndefined();
  qemu(20, WEB2);
  maps(2);
  clock.nowMs = 10_000;
  expect(await bytes(WEB2)).toBe(8_192);
});

async function processesOf(): Promise<Processes> {
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  await processes.look([WEB, WEB2]);
  return processes;
}

async function vcpusOf(): Promise<LocalVcpus> {
  const vcpus = new LocalVcpus(join(root, 'proc'), await processesOf());
  vcpus.startTick([WEB]);
  return vcpus;
}
const reply = (...numbers: number[]) => ({
  info: numbers.map((number) => ({ number, state: 1, cpuTimeNs: 5, cpu: 0 })),
  maps: new Uint8Array(),
});

test('delay and wait of vCPUs are those of their threads, by id', async () => {
  qemu(20, WEB);
  task(20, 21, 'CPU 1/KVM', '100 10 9\n');
  task(20, 22, 'CPU 11/KVM', '200 20 9\n');
  task(20, 23, 'IO iothread1', '1 1 1\n');
  put('proc/20/task/22/sched', 'CPU 11/KVM (22, #threads: 3)\nwait_sum  :   1234.567891\nwait_max : 9\n');
  const vcpus = await vcpusOf();
  expect(vcpus.canRead(WEB)).toBe(true);
  expect([...vcpus.read(WEB, reply(1, 11))]).toEqual([
    [1, { state: 1, timeNs: 5, delayNs: 10 }],
    [11, { state: 1, timeNs: 5, delayNs: 20, waitNs: 1_234_567_891 }],
  ]);
});

test('a vCPU that was plugged finds its thread, and one whose thread ended has no delay', async () => {
  qemu(20, WEB);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n');
  const vcpus = await vcpusOf();
  vcpus.read(WEB, reply(0));
  task(20, 22, 'CPU 1/KVM', '200 20 9\n');
  expect(vcpus.read(WEB, reply(0, 1)).get(1)?.delayNs).toBe(20);
  rmSync(join(root, 'proc/20/task/22'), { recursive: true });
  expect(vcpus.read(WEB, reply(0, 1)).get(1)).toEqual({ state: 1, timeNs: 5 });
});

test('a vCPU that was unplugged and plugged again finds its new thread, and the id of the old one may be that of another', async () => {
  qemu(20, WEB);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n');
  task(20, 22, 'CPU 1/KVM', '200 20 9\n');
  const vcpus = await vcpusOf();
  const delayOf = (...numbers: number[]) => vcpus.read(WEB, reply(...numbers)).get(1)?.delayNs;
  const replug = (tid: number, delay: number): void => {
    rmSync(join(root, 'proc/20/task'), { recursive: true });
    task(20, 21, 'CPU 0/KVM', '100 10 9\n');
    task(20, tid, 'CPU 1/KVM', `50 ${delay} 9\n`);
  };
  expect(delayOf(0, 1)).toBe(20);
  // Replugged between two reads, and then over several.
  replug(31, 7);
  expect(delayOf(0, 1)).toBe(7);
  expect(delayOf(0)).toBeUndefined();
  replug(41, 3);
  task(20, 31, 'worker', '900 800 9\n');
  expect(delayOf(0, 1)).toBe(3);
});

test('the kernel is asked again where the first thread is gone, and where a process had none yet', async () => {
  qemu(20, WEB);
  const vcpus = await vcpusOf();
  expect(vcpus.canRead(WEB)).toBe(false);
  task(20, 21, 'CPU 0/KVM', '100 10 9\n');
  task(20, 22, 'CPU 1/KVM', '200 20 9\n');
  expect(vcpus.canRead(WEB)).toBe(true);
  rmSync(join(root, 'proc/20/task/21'), { recursive: true });
  expect(vcpus.canRead(WEB)).toBe(true);
});

test('where the kernel has no figure, libvirt is asked', async () => {
  expect((await vcpusOf()).canRead(WEB)).toBe(false);
  qemu(20, WEB);
  task(20, 20, 'qemu-system-x86', '5 1 9\n');
  expect((await vcpusOf()).canRead(WEB)).toBe(false);
  put('proc/20/task/21/comm', 'CPU 0/KVM\n');
  expect((await vcpusOf()).canRead(WEB)).toBe(false);
});

test('the wait time is read as older and newer kernels write it, and absent is not zero', () => {
  expect(parseWaitSum('se.statistics.wait_sum                       :             2.000001\n')).toBe(
    2_000_001,
  );
  expect(parseWaitSum('wait_sum                                     :             2.5\n')).toBe(2_500_000);
  expect(parseWaitSum('se.exec_start : 5\niowait_sum : 3\n')).toBeUndefined();
});

test('resident memory is read in pages, of a running process only', async () => {
  put('proc/self/smaps', 'x\nKernelPageSize:       16 kB\n');
  qemu(20, WEB);
  put('proc/20/stat', `20 (qemu ) x) S ${'0 '.repeat(20)}250 0 0\n`);
  const memory = new ResidentMemory(join(root, 'proc'), await processesOf());
  memory.startTick([WEB, WEB2]);
  expect(memory.read(WEB)).toBe(4_000);
  expect(memory.canRead(WEB2)).toBe(false);
  expect(memory.read(WEB2)).toBeUndefined();
  // A zombie has no memory, which must not be reported as 0 bytes of a VM.
  put('proc/20/stat', `20 (qemu) Z ${'0 '.repeat(20)}0 0 0\n`);
  expect(memory.read(WEB)).toBeUndefined();
});

test('what a kernel without scheduler statistics prints is not a measured zero', () => {
  expect(parseSchedstat('0 0 0\n')).toBeUndefined();
  expect(parseSchedstat('500 0 1\n')).toEqual({ cpuNs: 500, delayNs: 0 });
  expect(parseWaitSum('wait_sum : 0.000000\n')).toBeUndefined();
});

test('a process whose command line cannot be read in time is skipped, and the others are found', async () => {
  const never = join(root, 'proc/5/cmdline');
  mkdirSync(dirname(never), { recursive: true });
  // Opening a FIFO without a writer blocks, as the kernel does while a process's memory map is locked.
  execFileSync('mkfifo', [never]);
  qemu(20, WEB);
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  await processes.look([WEB]);
  expect(processes.find([WEB]).get(WEB.uuid)).toBe(20);
  writeFileSync(never, '');
});

test('a command line that comes late finds its VM at the next tick, not at the next scan', async () => {
  const late = join(root, 'proc/20/cmdline');
  mkdirSync(dirname(late), { recursive: true });
  execFileSync('mkfifo', [late]);
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  await processes.look([WEB]);
  expect(processes.find([WEB]).size).toBe(0);
  writeFileSync(late, `qemu\0-uuid\0${WEB.uuid}\0`);
  await expect.poll(() => processes.find([WEB]).get(WEB.uuid)).toBe(20);
});

test('processes that are called like QEMU are looked at before others, which may never answer', async () => {
  // One before and one after the others, whatever the order of the folder.
  qemu(20, WEB);
  put('proc/20/comm', 'qemu-system-x86\n');
  const others = Array.from({ length: 8 }, (_, index) => join(root, `proc/${30 + index}/cmdline`));
  for (const fifo of others) {
    mkdirSync(dirname(fifo), { recursive: true });
    execFileSync('mkfifo', [fifo]);
  }
  qemu(99, WEB2);
  put('proc/99/comm', 'qemu-system-x86\n');
  const processes = new Processes(join(root, 'proc'), new SlowReads(), () => 0);
  await processes.look([WEB, WEB2]);
  expect(processes.find([WEB, WEB2])).toEqual(
    new Map([
      [WEB.uuid, 20],
      [WEB2.uuid, 99],
    ]),
  );
  for (const fifo of others) {
    try {
      closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // It has no reader.
    }
  }
});

test('a memory map that cannot be read in time is reported, and costs no other VM its figures', async () => {
  qemu(20, WEB);
  qemu(30, WEB2);
  execFileSync('mkfifo', [join(root, 'proc/20/numa_maps')]);
  put('proc/30/numa_maps', '7f00 default anon=1 N0=1 kernelpagesize_kB=4\n');
  const background = new Background();
  const slowReads = new SlowReads();
  const reader = new LocalReader({
    groups: new Set(['numa']),
    procRoot: join(root, 'proc'),
    cgroupRoot: join(root, 'cg'),
    processes: await processesOf(),
    background,
    slowReads,
    steadyMs: () => 0,
  });
  reader.startTick([WEB, WEB2], undefined);
  const read = async () => reader.read([WEB, WEB2], IN_TIME);
  await expect.poll(async () => (await read()).get(WEB2.uuid)?.memoryMap?.nodeBytes.get(0)).toBe(4_096);
  expect((await read()).get(WEB.uuid)?.missing).toEqual([{ group: 'numa', reason: 'unresponsive' }]);
  writeFileSync(join(root, 'proc/20/numa_maps'), '7f00 default anon=1 N0=2 kernelpagesize_kB=4\n');
  await expect.poll(async () => (await read()).get(WEB.uuid)?.memoryMap?.nodeBytes.get(0)).toBe(8_192);
});
