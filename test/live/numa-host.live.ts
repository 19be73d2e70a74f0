import { afterAll, beforeAll, expect, test } from 'vitest';
import { NumaGuest } from './lab/numa-guest.ts';
import { NumaHost } from './lab/numa-host.ts';

/** On an emulated CPU each command of virtune takes up to a minute. */
const TIMEOUT_MS = 1_500_000;
const RESTART = ['--restart', '--force-off', '--shutdown-timeout', '1', '--settle', '1'] as const;

let host: NumaHost;
let db: NumaGuest;
let before: string;
beforeAll(async () => {
  host = await NumaHost.boot();
  db = new NumaGuest(host, 'db01');
  await db.define(2, 256);
  await db.start();
  before = await db.inactive();
}, TIMEOUT_MS);
afterAll(() => host?.stop());

/** Runs `virtune tune`, which must end with this status; returns its output. */
async function tune(status: number, ...args: readonly string[]): Promise<string> {
  const ended = await host.virtune('tune', ...args);
  expect(ended.status, `${ended.stdout}${ended.stderr}`).toBe(status);
  return `${ended.stdout}${ended.stderr}`;
}

const pagesOn = (cell: number): Promise<string> =>
  host.must(`cat /sys/devices/system/node/node${cell}/hugepages/hugepages-2048kB/nr_hugepages`);
const swappiness = (): Promise<string> => host.must('cat /proc/sys/vm/swappiness');

/** Affinity without tuning: all CPUs on which the host's kernel lets VMs run. */
const anywhere = (cpus: string) => ({ 'qemu-system': cpus, 'CPU 0': cpus, 'CPU 1': cpus });

test('oltp-database with a restart: pins in /proc, memory in numa_maps, cpusets in cgroup v2, huge pages on its cell', {
  timeout: TIMEOUT_MS,
}, async () => {
  expect(await db.affinity()).toEqual(anywhere('0-7'));
  const said = await tune(
    0,
    'apply',
    db.name,
    '--profile',
    'oltp-database',
    '--accept',
    'cpu.mode',
    '--host',
    ...RESTART,
    '--yes',
  );
  expect(said).toMatch(/seen: .*node1\/hugepages\/hugepages-2048kB\/nr_hugepages: 128/);
  // Cell 1 has four CPUs: both threads of one core for the vCPUs, the others for emulator and iothreads.
  expect(await db.affinity()).toEqual({
    'CPU 0': '4',
    'CPU 1': '5',
    'qemu-system': '6',
    'IO iothread1': '7',
  });
  expect(await db.cgroup('cpuset.cpus')).toMatchObject({
    vcpu0: '4',
    vcpu1: '5',
    emulator: '6',
    iothread1: '7',
  });
  expect(await db.cgroup('cpuset.mems')).toMatchObject({ vcpu0: '1', vcpu1: '1', emulator: '1' });
  expect(await db.hugePages()).toEqual([{ policy: 'bind:1', pages: { N1: 128 } }]);
  expect([await pagesOn(0), await pagesOn(1)]).toEqual(['0', '128']);
  expect(await db.commandLine()).toMatch(/"driver":"virtio-scsi-pci"\S*"iothread-vq-mapping"/);
  expect(await swappiness()).toBe('10');
  expect(await host.must(`virsh -q domstate ${db.name}`)).toBe('paused');
});

test('verify says that it is as the profile wants it', { timeout: TIMEOUT_MS }, async () => {
  expect(await tune(0, 'verify')).toContain('db01: matches oltp-database');
});

test('a rollback with a restart: the definition to the byte, no pin, no huge page, the swappiness of before', {
  timeout: TIMEOUT_MS,
}, async () => {
  await tune(0, 'rollback', ...RESTART, '--yes');
  expect(await db.inactive()).toBe(before);
  expect(await db.affinity()).toEqual(anywhere('0-7'));
  expect(await db.hugePages()).toEqual([]);
  expect([await pagesOn(0), await pagesOn(1)]).toEqual(['0', '0']);
  expect(await swappiness()).toBe('60');
});

test('a VM with two cells has the memory and the huge pages of each on a cell of the host', {
  timeout: TIMEOUT_MS,
}, async () => {
  const wide = new NumaGuest(host, 'wide');
  await wide.define(4, 256);
  try {
    await host.must(
      'cat >/root/two-cells.yaml',
      `title: Two cells
extends: oltp-database
knobs:
  numa.cells: { value: 2, why: both cells are looked at, source: judgement }
  emulator.cpus: { value: 0, why: the host is small, source: judgement }
  iothread.cpus: { value: 0, why: the host is small, source: judgement }
`,
    );
    await tune(0, 'apply', wide.name, '--profile', '/root/two-cells.yaml', '--yes');
    expect([await pagesOn(0), await pagesOn(1)]).toEqual(['64', '64']);
    await wide.start();
    const pages = await wide.hugePages();
    expect(pages.toSorted((a, b) => a.policy.localeCompare(b.policy))).toEqual([
      { policy: 'bind:0', pages: { N0: 64 } },
      { policy: 'bind:1', pages: { N1: 64 } },
    ]);
    const cells = Object.entries(await wide.affinity())
      .filter(([thread]) => thread.startsWith('CPU'))
      .map(([, cpu]) => (Number(cpu) < 4 ? 0 : 1));
    expect(cells).toEqual([0, 0, 1, 1]);
    await host.must(`virsh -q destroy ${wide.name}`);
    await tune(0, 'rollback', '--yes');
    expect([await pagesOn(0), await pagesOn(1)]).toEqual(['0', '0']);
  } finally {
    await wide.remove();
  }
});

test('a disk with throttle filters takes no direct limit: the plan says unsupported, as libvirt does', {
  timeout: TIMEOUT_MS,
}, async () => {
  await host.must(`virsh -q domthrottlegroupset ${db.name} tenant --total-iops-sec 500 --config`);
  const filtered = (await db.inactive()).replace(
    /(<target dev='vda')/,
    "<throttlefilters><throttlefilter group='tenant'/></throttlefilters>$1",
  );
  try {
    await host.must('virsh -q define /dev/stdin', filtered);
    await host.must(
      'cat >/root/limited.yaml',
      'title: Limited\nknobs:\n  disk.iotune.totalIopsSec: { value: 700, why: a test, source: judgement }\n',
    );
    const said = await tune(0, 'plan', db.name, '--profile', '/root/limited.yaml', '--no-host');
    expect(said).toMatch(/disk\.iotune\.totalIopsSec is unsupported for vda/);
    const refused = await host.sh(`virsh blkdeviotune ${db.name} vda --total-iops-sec 700 --config`);
    expect(refused.status).not.toBe(0);
  } finally {
    await host.must('virsh -q define /dev/stdin', before);
  }
});

test("limits of a whole VM are in libvirt's group inside the unit of systemd: live, verified, and rolled back", {
  timeout: TIMEOUT_MS,
}, async () => {
  await host.must(
    'mkdir -p /root/limits && cat >/root/limits/limits.yaml',
    `title: Limits
knobs:
  global.quota: { value: 150000, why: a test, source: judgement }
  memory.hardLimit: { value: 1 GiB, why: a test, source: judgement }
`,
  );
  const limits = (): Promise<string[]> =>
    Promise.all(['cpu.max', 'memory.max'].map((file) => db.limitFile(file)));
  const said = await tune(
    0,
    ...['apply', db.name, '--profile', 'limits', '--profiles', '/root/limits', '--no-host', '--yes'],
  );
  expect(said).toMatch(/seen: .*\/libvirt\/memory\.max: 1073741824/);
  expect(await limits()).toEqual(['150000 100000', '1073741824']);
  expect([await db.scopeFile('cpu.max'), await db.scopeFile('memory.max')]).toEqual(['max 100000', 'max']);
  expect(await tune(0, 'verify', '--profiles', '/root/limits')).toContain('db01: matches limits');
  await tune(0, 'rollback', '--yes');
  expect(await limits()).toEqual(['max 100000', 'max']);
  expect(await db.inactive()).toBe(before);
});

/** Applies the profile live, without host settings and so without huge pages: pins and an iothread. */
async function pinLive(): Promise<Record<string, string>> {
  await host.must(
    'cat >/root/pins.yaml',
    'title: Pins alone\nextends: oltp-database\nknobs:\n  memory.pages: null\n',
  );
  await tune(0, 'apply', db.name, '--profile', '/root/pins.yaml', '--no-host', '--yes');
  return db.affinity();
}

test('CPUs that an isolated partition has taken from VMs are not used, live, and all is rolled back', {
  timeout: TIMEOUT_MS,
}, async () => {
  const partition = '/sys/fs/cgroup/others';
  await host.must(
    `mkdir ${partition} && cd ${partition} && echo 6-7 >cpuset.cpus && echo isolated >cpuset.cpus.partition`,
  );
  try {
    expect(await host.must('cat /sys/fs/cgroup/cpuset.cpus.isolated')).toBe('6-7');
    const pins = await pinLive();
    expect(Object.keys(pins).sort()).toEqual(['CPU 0', 'CPU 1', 'IO iothread1', 'qemu-system']);
    expect(Object.values(pins).filter((cpus) => /[67]/.test(cpus))).toEqual([]);
    const said = await tune(0, 'rollback', '--yes');
    expect(said).not.toContain('keeps these settings until it is shut down and started again');
    expect(await db.affinity()).toEqual(anywhere('0-5'));
    expect(await db.inactive()).toBe(before);
  } finally {
    await host.must(`rmdir ${partition}`);
  }
});

test('VMs in an isolated partition get its CPUs and no others', {
  timeout: TIMEOUT_MS,
}, async () => {
  const slice = '/sys/fs/cgroup/machine.slice';
  await host.must(`cd ${slice} && echo 4-7 >cpuset.cpus && echo isolated >cpuset.cpus.partition`);
  try {
    expect(await host.must(`cat ${slice}/cpuset.cpus.partition`)).toBe('isolated');
    expect(await pinLive()).toEqual({
      'CPU 0': '4',
      'CPU 1': '5',
      'qemu-system': '6',
      'IO iothread1': '7',
    });
    await tune(0, 'rollback', '--yes');
    expect(await db.affinity()).toEqual(anywhere('4-7'));
    expect(await db.inactive()).toBe(before);
  } finally {
    await host.must(`cd ${slice} && echo member >cpuset.cpus.partition && echo 0-7 >cpuset.cpus`);
  }
});
