import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { BOOTED, bareName, qemuPid } from './lab/guests.ts';
import { LAB_DIR, PREFIX } from './lab/paths.ts';
import { run, succeeds, until } from './lab/run.ts';
import { domstats, virsh } from './lab/virsh.ts';

/** Every group, compared with what virsh, /proc, /sys and control groups report at the same time. */
const ALL = ['kvm', 'cpu', 'dirtyrate', 'placement', 'threads', 'cgroup', 'numa'].map(
  (group) => `--collect.${group}`,
);
const POOL = `${PREFIX}pool`;
const STOPPED = `${PREFIX}stopped`;

let virtune: VirtuneProcess;
beforeAll(async () => {
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', ...ALL);
  await virtune.url();
  // A freshly installed libvirtd first probes its QEMU binaries; host information is available only after that.
  await until("the host's topology", 120_000, async () => {
    return find(await virtune.scrape(), 'libvirt_host_numa_pages').length > 0;
  });
});
afterAll(async () => {
  expect(await virtune.stop()).toMatchObject({ code: 0 });
  succeeds('virsh', ['pool-destroy', POOL]);
  succeeds('virsh', ['undefine', STOPPED]);
});

const domain = BOOTED;
const near = (value: number | undefined, low: number, high: number): void => {
  expect(value).toBeGreaterThanOrEqual(low - 1e-6 * Math.abs(low));
  expect(value).toBeLessThanOrEqual(high + 1e-6 * Math.abs(high));
};

/** Reads before and after a scrape: our figure must lie between. */
async function between(read: () => number, ours: (series: Series[]) => number | undefined): Promise<void> {
  const before = read();
  const series = await virtune.scrape();
  near(ours(series), before, read());
}

const procStat = (mode: number): number =>
  Number(/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]?.split(' ')[mode]) / 100;

test("the host's CPU time, pressure, memory and load are the kernel's own", async () => {
  for (const [mode, column] of [
    ['user', 0],
    ['kernel', 2],
    ['idle', 3],
    ['steal', 7],
  ] as const) {
    await between(
      () => procStat(column),
      (series) => figure(series, 'libvirt_host_cpu_seconds_total', { mode }),
    );
  }
  const somePressure = (): number =>
    Number(/^some .*total=(\d+)/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1]) / 1e6;
  await between(somePressure, (series) =>
    figure(series, 'libvirt_host_pressure_seconds_total', { resource: 'cpu', share: 'some' }),
  );
  const series = await virtune.scrape();
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  const totalKiB = Number(/^MemTotal: +(\d+)/m.exec(meminfo)?.[1]);
  expect(figure(series, 'libvirt_host_memory_bytes', { kind: 'total' })).toBe(totalKiB * 1_024);
  expect(figure(series, 'libvirt_host_swap_bytes', { kind: 'total' })).toBe(
    Number(/^SwapTotal: +(\d+)/m.exec(meminfo)?.[1]) * 1_024,
  );
  expect(figure(series, 'libvirt_host_cpus', { state: 'online' })).toBe(Number(run('nproc', ['--all'])));
  expect(figure(series, 'libvirt_host_load', { minutes: '5' })).toBeGreaterThan(0);
});

test("a cell's CPU time is that of its CPUs, and its huge pages are those that the kernel has free", async () => {
  const path = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/';
  const before = readFileSync(`${path}nr_hugepages`, 'utf8');
  writeFileSync(`${path}nr_hugepages`, '16');
  try {
    const series = await virtune.scrape();
    expect(figure(series, 'libvirt_host_numa_pages', { cell: '0', size: '2048KiB', kind: 'free' })).toBe(
      Number(readFileSync(`${path}free_hugepages`, 'utf8')),
    );
    // Each per-CPU line is rounded down separately, so their sum may be a tick below the total line.
    const idle = (): number =>
      [...readFileSync('/proc/stat', 'utf8').matchAll(/^cpu\d+ (?:\d+ ){3}(\d+)/gm)].reduce(
        (sum, match) => sum + Number(match[1]) / 100,
        0,
      );
    await between(idle, (each) =>
      figure(each, 'libvirt_host_numa_cpu_seconds_total', { cell: '0', mode: 'idle' }),
    );
  } finally {
    writeFileSync(`${path}nr_hugepages`, before);
  }
});

test("KSM pages are the kernel's, by kind", async () => {
  const series = await virtune.scrape();
  for (const kind of ['shared', 'sharing']) {
    expect(figure(series, 'libvirt_host_ksm_pages', { kind })).toBe(
      Number(readFileSync(`/sys/kernel/mm/ksm/pages_${kind}`, 'utf8')),
    );
  }
});

test('what is allocated is what VMs have according to virsh', async () => {
  const vcpusOf = (list: string): number =>
    [...virsh('domstats', '--vcpu', list).matchAll(/vcpu\.current=(\d+)/g)].reduce(
      (total, match) => total + Number(match[1]),
      0,
    );
  const sum = vcpusOf('--list-running');
  const series = await virtune.scrape();
  expect(figure(series, 'libvirt_host_vcpus', { state: 'running' })).toBe(sum);
  expect(figure(series, 'libvirt_host_vcpus', { state: 'paused' })).toBe(vcpusOf('--list-paused'));
  expect(figure(series, 'libvirt_host_vcpu_overcommit_ratio', { state: 'running' })).toBe(
    sum / Number(run('nproc', ['--all'])),
  );
  const contention = figure(series, 'libvirt_host_vcpu_contention_ratio');
  if (contention !== undefined) near(contention, 0, 1);
});

test('a stopped VM on huge pages that starts with its host is counted for the pages that it will need', async () => {
  const file = join(LAB_DIR, `${STOPPED}.xml`);
  writeFileSync(
    file,
    `<domain type='qemu'><name>${STOPPED}</name><memory unit='MiB'>64</memory><vcpu>99</vcpu>
     <memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>
     <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>`,
  );
  virsh('define', file);
  expect(find(await virtune.scrape(), 'libvirt_host_hugepages_wanted')).toEqual([]);
  virsh('autostart', STOPPED);
  const series = await until('the mark, which is read twice a minute', 40_000, async () => {
    const found = await virtune.scrape();
    return find(found, 'libvirt_host_hugepages_wanted').length > 0 ? found : undefined;
  });
  expect(figure(series, 'libvirt_host_hugepages_wanted', { size: '2048KiB', cell: 'any' })).toBe(32);
  expect(figure(series, 'libvirt_domain_hugepage_size_bytes', { domain: STOPPED })).toBe(2 ** 21);
  expect(figure(series, 'libvirt_domain_wider_than_host', { domain: STOPPED })).toBe(1);
  expect(figure(series, 'libvirt_domain_info_state', { domain: STOPPED, state_desc: 'shutoff' })).toBe(5);
});

test('a pool is what virsh says, with what the disks in it may grow to', async () => {
  virsh('pool-create-as', POOL, 'dir', '--target', LAB_DIR);
  const info = virsh('pool-info', POOL, '--bytes');
  const series = await until('the pool, which is read twice a minute', 40_000, async () => {
    const found = await virtune.scrape();
    return find(found, 'libvirt_storage_pool_state', { storage_pool: POOL }).length > 0 ? found : undefined;
  });
  const capacity = Number(/Capacity: +(\d+)/.exec(info)?.[1]);
  expect(figure(series, 'libvirt_storage_pool_capacity_bytes', { storage_pool: POOL })).toBe(capacity);
  expect(figure(series, 'libvirt_storage_pool_state', { storage_pool: POOL })).toBe(2);
  expect(
    figure(series, 'libvirt_storage_pool_provisioned_bytes', { storage_pool: POOL }),
  ).toBeGreaterThanOrEqual(2 * 64 * 2 ** 20);
});

test('limits set on a disk are there in the next scrape', async () => {
  virsh('blkdeviotune', domain, 'vdb', '--read-iops-sec', '500', '--live');
  const labels = { domain, target_device: 'vdb' };
  expect(figure(await virtune.scrape(), 'libvirt_domain_block_stats_limit_read_requests', labels)).toBe(500);
  const use = { ...labels, limit: 'read_requests' };
  await until('a share of it to be reported, over five seconds at least', 20_000, async () => {
    const share = figure(await virtune.scrape(), 'libvirt_domain_block_stats_limit_use_ratio', use);
    return share !== undefined && share > 0 && share < 1;
  });
  virsh('blkdeviotune', domain, 'vdb', '--read-iops-sec', '0', '--live');
  expect(find(await virtune.scrape(), 'libvirt_domain_block_stats_limit_read_requests', labels)).toEqual([]);
});

test('how iothreads poll, what perf events count and how fast memory is dirtied is what virsh domstats says', async () => {
  virsh('perf', domain, '--enable', 'task_clock', '--live');
  virsh('domdirtyrate-calc', domain, '--seconds', '1');
  // No libvirt event reports changed perf events; one of these triggers reading the XML again.
  virsh('suspend', domain);
  virsh('resume', domain);
  await until(
    'the measurement to be done',
    20_000,
    () => domstats(domain).get('dirtyrate.calc_status') === '2',
  );
  const counted = (): number => Number(domstats(domain).get('perf.task_clock'));
  await until('perf events to be asked for', 10_000, async () => {
    return find(await virtune.scrape(), 'libvirt_domain_perf_events_total', { domain }).length > 0;
  });
  await between(counted, (series) =>
    figure(series, 'libvirt_domain_perf_events_total', { domain, event: 'task_clock' }),
  );
  const statistics = domstats(domain);
  const series = await virtune.scrape();
  expect(figure(series, 'libvirt_domain_dirty_rate_bytes_per_second', { domain })).toBe(
    Number(statistics.get('dirtyrate.megabytes_per_second')) * 2 ** 20,
  );
  expect(figure(series, 'libvirt_domain_dirty_rate_period_seconds', { domain })).toBe(1);
  for (const [name, field, unit] of [
    ['poll_max_seconds', 'poll-max-ns', 1e-9],
    ['poll_grow', 'poll-grow', 1],
    ['poll_shrink', 'poll-shrink', 1],
  ] as const) {
    expect(figure(series, `libvirt_domain_iothread_${name}`, { domain, iothread: '1' })).toBeCloseTo(
      Number(statistics.get(`iothread.1.${field}`)) * unit,
      9,
    );
  }
});

test('a guest on huge pages takes them from its cell, and its memory is reported as huge', async () => {
  const pages = '/sys/devices/system/node/node0/hugepages/hugepages-2048kB/';
  const before = readFileSync(`${pages}nr_hugepages`, 'utf8');
  const name = `${PREFIX}huge`;
  const file = join(LAB_DIR, 'huge.xml');
  writeFileSync(
    file,
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>24</memory>
     <memoryBacking><hugepages/></memoryBacking>
     <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>`,
  );
  writeFileSync(`${pages}nr_hugepages`, '24');
  try {
    virsh('create', file, '--paused');
    const free = Number(readFileSync(`${pages}free_hugepages`, 'utf8'));
    expect(
      figure(await virtune.scrape(), 'libvirt_host_numa_pages', { cell: '0', size: '2048KiB', kind: 'free' }),
    ).toBe(free);
    const hugeBytes = (): number =>
      [
        ...readFileSync(`/proc/${qemuPid(name)}/smaps_rollup`, 'utf8').matchAll(
          /^(?:AnonHugePages|Private_Hugetlb|Shared_Hugetlb): +(\d+)/gm,
        ),
      ].reduce((sum, match) => sum + Number(match[1]) * 1_024, 0);
    expect(hugeBytes()).toBeGreaterThanOrEqual(2 ** 21);
    await until('its process to be found, which is looked for every ten seconds', 30_000, async () => {
      const series = await virtune.scrape();
      return figure(series, 'libvirt_domain_huge_memory_bytes', { domain: name }) === hugeBytes();
    });
  } finally {
    succeeds('virsh', ['destroy', name]);
    writeFileSync(`${pages}nr_hugepages`, before);
  }
});

test('a pin set by hand is counted in the next scrape', async () => {
  virsh('vcpupin', domain, '0', '0', '--live');
  expect(figure(await virtune.scrape(), 'libvirt_domain_vcpus_pinned', { domain })).toBe(1);
  virsh('vcpupin', domain, '0', '0-1', '--live');
});

test('a snapshot is counted, with when it was made', async () => {
  const name = bareName(0);
  const file = join(LAB_DIR, 'snapshot.xml');
  writeFileSync(
    file,
    `<domainsnapshot><name>old</name><state>running</state><creationTime>1700000000</creationTime>
     <memory snapshot='no'/>${virsh('dumpxml', name)}</domainsnapshot>`,
  );
  virsh('snapshot-create', name, file, '--redefine');
  try {
    const series = await until('the mark, which is read twice a minute', 40_000, async () => {
      const found = await virtune.scrape();
      return find(found, 'libvirt_domain_snapshots', { domain: name }).length > 0 ? found : undefined;
    });
    expect(figure(series, 'libvirt_domain_snapshots', { domain: name })).toBe(1);
    expect(figure(series, 'libvirt_domain_snapshot_oldest_timestamp_seconds', { domain: name })).toBe(
      1_700_000_000,
    );
  } finally {
    virsh('snapshot-delete', name, 'old', '--metadata');
  }
});

test('a job that has ended is reported with its result', async () => {
  const name = BOOTED;
  const file = join(LAB_DIR, 'dump');
  // Not --live, which libvirt 11.5 and newer refuse.
  virsh('dump', name, file);
  rmSync(file, { force: true });
  const series = await until('the job, for which one VM in ten is asked at a time', 60_000, async () => {
    const found = await virtune.scrape();
    return find(found, 'libvirt_domain_job_active', { domain: name }).length > 0 ? found : undefined;
  });
  const info = virsh('domjobinfo', name, '--completed', '--keep-completed', '--rawstats');
  const labels = { domain: name, operation: 'dump' };
  expect(figure(series, 'libvirt_domain_job_active', labels)).toBe(0);
  expect(figure(series, 'libvirt_domain_job_elapsed_seconds', labels)).toBe(
    Number(/^ *time_elapsed: (\d+)/m.exec(info)?.[1]) / 1_000,
  );
  expect(figure(series, 'libvirt_domain_job_memory_bytes', { ...labels, kind: 'processed' })).toBe(
    Number(/^ *memory_processed: (\d+)/m.exec(info)?.[1]),
  );
});

test("QEMU's threads by role add up to what the scheduler says of them", async () => {
  const pid = qemuPid(domain);
  const vcpuNs = (): number =>
    run('sh', ['-c', `for t in /proc/${pid}/task/*; do echo "$(cat $t/comm) $(cat $t/schedstat)"; done`])
      .split('\n')
      .filter((line) => line.startsWith('CPU '))
      .reduce((sum, line) => sum + Number(line.split(' ')[2]), 0) / 1e9;
  await between(vcpuNs, (series) =>
    figure(series, 'libvirt_domain_thread_cpu_seconds_total', { domain, role: 'vcpu' }),
  );
  const series = await virtune.scrape();
  expect(figure(series, 'libvirt_domain_threads', { domain, role: 'vcpu' })).toBe(2);
  expect(figure(series, 'libvirt_domain_threads', { domain, role: 'iothread' })).toBe(1);
  expect(find(series, 'libvirt_domain_vcpu_cpu', { domain }).length).toBe(2);
});

/** Whether a thread of the process is in this group: other libvirtds here have guests and groups of the same name. */
function hasThreadOf(pid: number, group: string): boolean {
  const threads = new Set(readdirSync(`/proc/${pid}/task`));
  return ['tasks', 'cgroup.threads'].some((file) => {
    const path = join(group, file);
    try {
      return readFileSync(path, 'utf8')
        .split('\n')
        .some((id) => threads.has(id));
    } catch {
      return false;
    }
  });
}

test('a guest that a quota throttles is reported with the counters of its control groups', async () => {
  virsh('schedinfo', domain, '--live', '--set', 'vcpu_period=100000', 'vcpu_quota=10000');
  try {
    const groups = run('sh', ['-c', 'find /sys/fs/cgroup -path "*vt-booted*" -name cpu.stat'])
      .split('\n')
      .filter((path) => path !== '' && hasThreadOf(qemuPid(domain), dirname(path)));
    const throttledSeconds = (): number =>
      groups.reduce((sum, path) => {
        const text = readFileSync(path, 'utf8');
        const ns = /throttled_time (\d+)/.exec(text)?.[1];
        const us = /throttled_usec (\d+)/.exec(text)?.[1];
        return sum + Number(ns ?? Number(us ?? 0) * 1_000) / 1e9;
      }, 0);
    await until('the guest to be throttled', 20_000, () => throttledSeconds() > 0.5);
    await between(throttledSeconds, (series) =>
      figure(series, 'libvirt_domain_cpu_throttled_seconds_total', { domain }),
    );
  } finally {
    virsh('schedinfo', domain, '--live', '--set', 'vcpu_quota=-1');
  }
});

test("a guest's memory by node is what the kernel maps, and one cell leaves nothing remote", async () => {
  await until('page tables to be walked, which they are once a minute', 70_000, async () => {
    const series = await virtune.scrape();
    const status = readFileSync(`/proc/${qemuPid(domain)}/status`, 'utf8');
    const rssBytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
    near(
      figure(series, 'libvirt_domain_numa_memory_bytes', { domain, node: '0' }),
      rssBytes * 0.8,
      rssBytes * 1.2,
    );
    expect(figure(series, 'libvirt_domain_numa_remote_ratio', { domain })).toBe(0);
    return true;
  });
});

test('devices that come, go, hold no medium or share a name give no series twice', async () => {
  // The bare guests have no ACPI, without which nothing can be hot-plugged.
  const name = BOOTED;
  mkdirSync(LAB_DIR, { recursive: true });
  const plug = (file: string, bytes: number): void => {
    const image = join(LAB_DIR, file);
    writeFileSync(image, Buffer.alloc(bytes));
    const driver = ['--driver', 'qemu', '--subdriver', 'raw', '--targetbus', 'virtio'];
    virsh('attach-disk', name, image, 'vdq', '--live', ...driver);
  };
  const labels = { domain: name, target_device: 'vdq' };
  const capacity = async (): Promise<number | undefined> =>
    figure(await virtune.scrape(), 'libvirt_domain_block_stats_capacity_bytes', labels);
  const unplug = async (): Promise<void> => {
    virsh('detach-disk', name, 'vdq', '--live');
    await until('the guest to let go of the disk', 30_000, async () => (await capacity()) === undefined);
  };
  plug('hotplug-1.img', 65_536);
  expect(await capacity()).toBe(65_536);
  await unplug();
  // A different disk under the previous one's name.
  plug('hotplug-2.img', 131_072);
  expect(await capacity()).toBe(131_072);
  await unplug();
  // Interfaces without a host side, like a passed-through device: they have no name and no counters.
  const nic = join(LAB_DIR, 'nic.xml');
  const macs = ['52:54:00:00:00:71', '52:54:00:00:00:72'];
  for (const mac of macs) {
    writeFileSync(nic, `<interface type='user'><mac address='${mac}'/><model type='virtio'/></interface>`);
    virsh('attach-device', name, nic, '--live');
  }
  const nics = find(await virtune.scrape(), 'libvirt_domain_interface_stats_info', { domain: name });
  expect(nics.every((each) => each.labels['target_device'] !== '')).toBe(true);
  for (const mac of macs) virsh('detach-interface', name, 'user', '--mac', mac, '--live');
  const cdrom = `<domain type='qemu'><name>${STOPPED}-2</name><memory unit='MiB'>24</memory>
    <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
    <disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>
    <disk type='file' device='floppy'><target dev='fda' bus='fdc'/></disk>
    <memballoon model='none'/></devices></domain>`;
  const file = join(LAB_DIR, 'cdrom.xml');
  writeFileSync(file, cdrom);
  virsh('create', file, '--paused');
  try {
    const series = await virtune.scrape();
    const hda = { domain: `${STOPPED}-2`, target_device: 'hda' };
    expect(figure(series, 'libvirt_domain_block_stats_read_only', hda)).toBe(1);
    expect(find(series, 'libvirt_domain_block_stats_info', hda)[0]?.labels).not.toHaveProperty('source_file');
    const missing = { domain: `${STOPPED}-2`, group: 'balloon' };
    expect(find(series, 'virtune_domain_missing', missing)[0]?.labels['reason']).toBe('no_balloon');
    run('promtool', ['check', 'metrics'], { input: await virtune.text() });
  } finally {
    virsh('destroy', `${STOPPED}-2`);
  }
});
