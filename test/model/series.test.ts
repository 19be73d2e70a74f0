import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
import type { HostFigures, PoolFigures } from '../../model/host.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { parseCapabilities } from '../../model/topology.ts';
import { seriesOf } from './series.ts';

/** All figures are different, so that a series with the wrong one is noticed. */
const NOTHING: HostFigures = {
  topology: undefined,
  cpusOnline: undefined,
  cpusPresent: undefined,
  cpuNs: new Map(),
  memoryKiB: new Map(),
  cells: [],
  ksm: new Map(),
  pools: [],
  local: undefined,
};

const POOL: PoolFigures = {
  name: 'images',
  uuid: 'u-1',
  state: 2,
  capacityBytes: 1_000,
  allocationBytes: 400,
  availableBytes: 600,
  ageMs: 1_500,
  measuredBy: 'statfs',
  path: '/images',
  source: {
    type: 'netfs',
    path: '/export',
    host: 'nas1',
    directory: '/export',
    device: '/dev/sdb',
    name: 'vg0',
  },
};

test('a host has one series for each figure that it reports, in base units', () => {
  const host: HostFigures = {
    ...NOTHING,
    topology: parseCapabilities(
      `<capabilities><host><topology><cells><cell id='0'><pages unit='KiB' size='4'>9</pages><pages unit='KiB' size='2048'>0</pages><cpus><cpu id='0' socket_id='0' core_id='0'/></cpus></cell></cells></topology></host></capabilities>`,
    ),
    cpusOnline: 6,
    cpusPresent: 8,
    cpuNs: new Map([
      ['user', 2e9],
      ['idle', 3e9],
    ]),
    cpuNsByCpu: new Map([[5, new Map([['user', 4e9]])]]),
    memoryKiB: new Map([
      ['total', 16],
      ['free', 8],
      ['available', 12],
    ]),
    ksm: new Map([
      ['pages_shared', 10],
      ['pages_sharing', 20],
      ['pages_unshared', 30],
      ['pages_volatile', 40],
      ['merge_across_nodes', 1],
      ['full_scans', 7],
    ]),
    pools: [POOL, { ...POOL, name: 'gone', capacityBytes: undefined, missing: 'unresponsive' }],
    local: {
      load: [0.5, 1.5, 2.5],
      pressure: new Map([
        ['cpu', { someNs: 1e9, fullNs: undefined }],
        ['io', { someNs: undefined, fullNs: 2e9 }],
      ]),
      meminfoKiB: new Map([
        ['SwapTotal', 2],
        ['SwapFree', 1],
        ['MemAvailable', 11],
      ]),
      vmstat: new Map([
        ['pswpin', 100],
        ['pswpout', 200],
        ['oom_kill', 3],
      ]),
    },
    parts: new Map([
      ['cpu', { ageMs: 2_500, reason: undefined }],
      ['ksm', { ageMs: undefined, reason: 'not_supported' }],
      ['pools', { ageMs: 61_000, reason: 'unresponsive' }],
    ]),
  };
  expect(seriesOf('host', host)).toMatchInlineSnapshot(`
    [
      "libvirt_host_cpus{state="online"} 6",
      "libvirt_host_cpus{state="present"} 8",
      "libvirt_host_cpu_seconds_total{mode="user"} 2",
      "libvirt_host_cpu_seconds_total{mode="idle"} 3",
      "libvirt_host_memory_bytes{kind="total"} 16384",
      "libvirt_host_memory_bytes{kind="free"} 8192",
      "libvirt_host_memory_available_bytes 11264",
      "libvirt_host_swap_bytes{kind="total"} 2048",
      "libvirt_host_swap_bytes{kind="free"} 1024",
      "libvirt_host_swapped_in_pages_total 100",
      "libvirt_host_swapped_out_pages_total 200",
      "libvirt_host_oom_kills_total 3",
      "libvirt_host_load{minutes="1"} 0.5",
      "libvirt_host_load{minutes="5"} 1.5",
      "libvirt_host_load{minutes="15"} 2.5",
      "libvirt_host_pressure_seconds_total{resource="cpu", share="some"} 1",
      "libvirt_host_pressure_seconds_total{resource="io", share="full"} 2",
      "libvirt_host_ksm_pages{kind="shared"} 10",
      "libvirt_host_ksm_pages{kind="sharing"} 20",
      "libvirt_host_ksm_pages{kind="unshared"} 30",
      "libvirt_host_ksm_pages{kind="volatile"} 40",
      "libvirt_host_ksm_saved_bytes 81920",
      "libvirt_host_ksm_merge_across_nodes 1",
      "libvirt_host_ksm_full_scans_total 7",
      "virtune_host_missing{part="ksm", reason="not_supported"} 1",
      "virtune_host_missing{part="numa_cpu", reason="not_supported"} 1",
      "virtune_host_part_age_seconds{part="cpu"} 2.5",
      "virtune_host_part_age_seconds{part="pools"} 61",
      "virtune_host_part_stale{part="pools", reason="unresponsive"} 1",
      "libvirt_host_cpu_core_seconds_total{cpu="5", mode="user"} 4",
      "libvirt_pool_info_capacity_bytes{pool="images"} 1000",
      "libvirt_pool_info_allocation_bytes{pool="images"} 400",
      "libvirt_pool_info_allocation_bytes{pool="gone"} 400",
      "libvirt_pool_info_available_bytes{pool="images"} 600",
      "libvirt_pool_info_available_bytes{pool="gone"} 600",
    ]
  `);
});

test('a host that reports nothing has the reasons, and no figure', () => {
  expect(seriesOf('host', NOTHING)).toMatchInlineSnapshot(`
    [
      "virtune_host_missing{part="cpu", reason="no_answer"} 1",
      "virtune_host_missing{part="memory", reason="no_answer"} 1",
      "virtune_host_missing{part="topology", reason="no_answer"} 1",
      "virtune_host_missing{part="ksm", reason="not_supported"} 1",
      "virtune_host_missing{part="load", reason="not_local"} 1",
      "virtune_host_missing{part="swap", reason="not_local"} 1",
      "virtune_host_missing{part="pressure", reason="not_local"} 1",
      "virtune_host_missing{part="memory_available", reason="not_local"} 1",
    ]
  `);
});

test('a cell of the host has its CPU time, memory and pages', () => {
  const cell = {
    id: 1,
    cpuNs: new Map([['user', 5e9]]),
    memoryKiB: new Map([
      ['total', 4],
      ['free', 2],
    ]),
    availableKiB: 3,
    pages: [
      { sizeKiB: 2_048, total: 10, free: 4 },
      { sizeKiB: 4, total: undefined, free: 6 },
    ],
  };
  expect(seriesOf('cell', cell)).toMatchInlineSnapshot(`
    [
      "libvirt_host_numa_cpu_seconds_total{mode="user"} 5",
      "libvirt_host_numa_memory_bytes{kind="total"} 4096",
      "libvirt_host_numa_memory_bytes{kind="free"} 2048",
      "libvirt_host_numa_memory_bytes{kind="hugepages"} 20971520",
      "libvirt_host_numa_memory_available_bytes 3072",
      "libvirt_host_numa_pages{size="2048KiB", kind="total"} 10",
      "libvirt_host_numa_pages{size="2048KiB", kind="free"} 4",
      "libvirt_host_numa_pages{size="4KiB", kind="free"} 6",
    ]
  `);
});

test('a storage pool has state, sizes, age, and where it is', () => {
  expect(seriesOf('pool', POOL)).toMatchInlineSnapshot(`
    [
      "libvirt_storage_pool_state 2",
      "libvirt_storage_pool_capacity_bytes 1000",
      "libvirt_storage_pool_allocation_bytes 400",
      "libvirt_storage_pool_available_bytes 600",
      "libvirt_storage_pool_info{uuid="u-1", type="netfs", path="/images", source_host="nas1", source_dir="/export", source_device="/dev/sdb", source_name="vg0", measured_by="statfs"}",
      "virtune_storage_pool_age_seconds 1.5",
    ]
  `);
});

test('a storage pool that does not answer has its name, and why there are no sizes', () => {
  const gone: PoolFigures = {
    name: 'gone',
    state: undefined,
    capacityBytes: undefined,
    allocationBytes: undefined,
    availableBytes: undefined,
    path: undefined,
    missing: 'unresponsive',
  };
  expect(seriesOf('pool', gone)).toMatchInlineSnapshot(`
    [
      "libvirt_storage_pool_info{}",
      "virtune_storage_pool_missing{reason="unresponsive"} 1",
    ]
  `);
});

test("what the host's kernel reports of a VM: threads by role, quotas, pressure, memory by node", () => {
  const figures = {
    threads: new Map([
      ['vcpu', { threads: 4, cpuNs: 3e9, delayNs: 1e9 }],
      ['vhost', { threads: 2, cpuNs: 5e9, delayNs: 2e9 }],
    ]),
    cgroup: {
      periods: 100,
      throttledPeriods: 30,
      throttledNs: 4e9,
      memoryBytes: 8_192,
      pressure: new Map([
        ['cpu', { someNs: 6e9, fullNs: undefined }],
        ['memory', { someNs: undefined, fullNs: 7e9 }],
      ]),
    },
    memoryMap: {
      nodeBytes: new Map([
        [0, 4_096],
        [1, 1_024],
      ]),
      remoteShare: 0.2,
      hugeBytes: 2_048,
      ksmMergedBytes: 512,
    },
    missing: [],
  };
  expect(seriesOf('local', figures)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_threads{role="vcpu"} 4",
      "libvirt_domain_threads{role="vhost"} 2",
      "libvirt_domain_thread_cpu_seconds_total{role="vcpu"} 3",
      "libvirt_domain_thread_cpu_seconds_total{role="vhost"} 5",
      "libvirt_domain_thread_delay_seconds_total{role="vcpu"} 1",
      "libvirt_domain_thread_delay_seconds_total{role="vhost"} 2",
      "libvirt_domain_cpu_periods_total 100",
      "libvirt_domain_cpu_throttled_periods_total 30",
      "libvirt_domain_cpu_throttled_seconds_total 4",
      "libvirt_domain_cgroup_memory_bytes 8192",
      "libvirt_domain_pressure_seconds_total{resource="cpu", share="some"} 6",
      "libvirt_domain_pressure_seconds_total{resource="memory", share="full"} 7",
      "libvirt_domain_numa_memory_bytes{node="0"} 4096",
      "libvirt_domain_numa_memory_bytes{node="1"} 1024",
      "libvirt_domain_numa_remote_ratio 0.2",
      "libvirt_domain_huge_memory_bytes 2048",
      "libvirt_domain_ksm_merged_bytes 512",
    ]
  `);
  expect(seriesOf('local', { missing: [] })).toEqual([]);
});

const XML = `<domain type='kvm'>
  <memory unit='KiB'>4096</memory>
  <vcpu>4</vcpu>
  <iothreads>3</iothreads>
  <cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/><emulatorpin cpuset='0'/><iothreadpin iothread='1' cpuset='3'/></cputune>
  <numatune><memory mode='strict' nodeset='0-1'/></numatune>
  <memoryBacking><locked/><nosharepages/><hugepages><page size='2048' unit='KiB'/><page size='1048576' unit='KiB'/></hugepages></memoryBacking>
  <cpu mode='custom'><model>EPYC</model><topology sockets='1' dies='1' cores='2' threads='3'/><numa><cell id='0' cpus='0-3' memory='4096' unit='KiB'/></numa></cpu>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' iothread='2' queues='5'/>
      <source file='/images/a.img'/><target dev='vda' bus='virtio'/><readonly/>
      <iotune>${[
        ...['total', 'read', 'write'].flatMap((what) =>
          ['bytes', 'iops'].flatMap((unit) =>
            ['', '_max', '_max_length'].map((more) => `${what}_${unit}_sec${more}`),
          ),
        ),
        'size_iops_sec',
      ]
        .map((name, index) => `<${name}>${index + 101}</${name}>`)
        .join('')}</iotune>
    </disk>
    <interface type='bridge'>
      <source bridge='br0'/><target dev='vnet0'/><model type='virtio'/><driver queues='6'/>
      <bandwidth><inbound average='1' peak='2'/><outbound average='3'/></bandwidth>
    </interface>
    <memballoon model='virtio'><stats period='7'/></memballoon>
  </devices>
</domain>`;

test('the tuning of a VM is in its series', () => {
  expect(seriesOf('facts', parseDomain(XML))).toMatchInlineSnapshot(`
    [
      "libvirt_domain_balloon_stats_period_seconds 7",
      "libvirt_domain_vcpus_pinned 2",
      "libvirt_domain_emulator_pinned 1",
      "libvirt_domain_iothreads 3",
      "libvirt_domain_iothreads_pinned 1",
      "libvirt_domain_numa_cells 1",
      "libvirt_domain_cpu_sockets 1",
      "libvirt_domain_cpu_cores 2",
      "libvirt_domain_cpu_threads 3",
      "libvirt_domain_memory_locked 1",
      "libvirt_domain_memory_nosharepages 1",
      "libvirt_domain_hugepages 1",
      "libvirt_domain_hugepage_size_bytes 1073741824",
      "libvirt_domain_tuning_info{type="kvm", cpu_mode="custom", cpu_model="EPYC", numa_mode="strict", numa_nodeset="0-1", balloon_model="virtio"}",
    ]
  `);
});

test('a VM without any tuning has zeros where it has none, and no series where that is unknown', () => {
  expect(seriesOf('facts', parseDomain('<domain><memory>4096</memory></domain>'))).toMatchInlineSnapshot(`
    [
      "libvirt_domain_balloon_stats_period_seconds 0",
      "libvirt_domain_vcpus_pinned 0",
      "libvirt_domain_emulator_pinned 0",
      "libvirt_domain_iothreads 0",
      "libvirt_domain_iothreads_pinned 0",
      "libvirt_domain_numa_cells 0",
      "libvirt_domain_memory_locked 0",
      "libvirt_domain_memory_nosharepages 0",
      "libvirt_domain_hugepages 0",
      "libvirt_domain_tuning_info{}",
    ]
  `);
});

test('a disk has its limits by name, an interface its bandwidth by direction', () => {
  const { disks, interfaces } = parseDomain(XML);
  const [disk] = disks;
  const [nic] = interfaces;
  if (disk === undefined || nic === undefined) throw new Error('a device is missing');
  expect(seriesOf('disk', disk)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_block_stats_info{device="disk", bus="virtio", disk_type="file", source_file="/images/a.img", driver_type="qcow2"}",
      "libvirt_domain_block_stats_backing_chain_depth 0",
      "libvirt_domain_block_stats_read_only 1",
      "libvirt_domain_block_stats_queues 5",
      "libvirt_domain_block_stats_iothread 2",
      "libvirt_domain_block_stats_limit_total_bytes 101",
      "libvirt_domain_block_stats_limit_read_bytes 107",
      "libvirt_domain_block_stats_limit_write_bytes 113",
      "libvirt_domain_block_stats_limit_total_requests 104",
      "libvirt_domain_block_stats_limit_read_requests 110",
      "libvirt_domain_block_stats_limit_write_requests 116",
      "libvirt_domain_block_stats_limit_burst_total_bytes 102",
      "libvirt_domain_block_stats_limit_burst_read_bytes 108",
      "libvirt_domain_block_stats_limit_burst_write_bytes 114",
      "libvirt_domain_block_stats_limit_burst_total_requests 105",
      "libvirt_domain_block_stats_limit_burst_read_requests 111",
      "libvirt_domain_block_stats_limit_burst_write_requests 117",
      "libvirt_domain_block_stats_limit_burst_total_bytes_length_seconds 103",
      "libvirt_domain_block_stats_limit_burst_read_bytes_length_seconds 109",
      "libvirt_domain_block_stats_limit_burst_write_bytes_length_seconds 115",
      "libvirt_domain_block_stats_limit_burst_length_total_requests_seconds 106",
      "libvirt_domain_block_stats_limit_burst_length_read_requests_seconds 112",
      "libvirt_domain_block_stats_limit_burst_length_write_requests_seconds 118",
      "libvirt_domain_block_stats_size_iops_bytes 119",
      "libvirt_domain_block_meta{source_file="/images/a.img", serial="", bus="virtio", disk_type="file", driver_type="qcow2", cache="", discard=""}",
    ]
  `);
  expect(seriesOf('nic', nic)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_interface_stats_info{interface_type="bridge", source_bridge="br0", model_type="virtio"}",
      "libvirt_domain_interface_stats_queues 6",
      "libvirt_domain_interface_stats_limit_bytes_per_second{direction="receive", kind="average"} 1024",
      "libvirt_domain_interface_stats_limit_bytes_per_second{direction="receive", kind="peak"} 2048",
      "libvirt_domain_interface_stats_limit_bytes_per_second{direction="transmit", kind="average"} 3072",
      "libvirt_domain_interface_meta{source_bridge="br0", virtual_interface=""}",
    ]
  `);
});

test('jobs, snapshots, events and the state of the monitor have series while there are any', () => {
  expect(
    seriesOf('extras', {
      snapshots: { count: 3, oldestAtSeconds: 1_700 },
      control: { state: 'occupied', sinceMs: 2_500 },
      diskErrors: new Map([['vda', 'no_space']]),
      events: new Map([['reboot', 2]]),
    }),
  ).toMatchInlineSnapshot(`
    [
      "libvirt_domain_block_stats_failed{target_device="vda", error="no_space"} 1",
      "libvirt_domain_snapshots 3",
      "libvirt_domain_snapshot_oldest_timestamp_seconds 1700",
      "libvirt_domain_events_total{event="reboot"} 2",
      "libvirt_domain_control_state{state="occupied"} 1",
      "libvirt_domain_control_state_seconds 2.5",
    ]
  `);
  expect(seriesOf('extras', {})).toEqual([]);
});

test("a guest's own load, names and number of file systems", () => {
  const guest = {
    atMs: 5_000,
    filesystems: new Map(),
    filesystemCount: 9,
    load: [0.25, 0.5, 0.75] as const,
    hostname: 'db01.example',
    os: new Map([
      ['id', 'debian'],
      ['pretty-name', 'Debian 12'],
      ['kernel-release', '6.1'],
      ['version-id', '12'],
    ]),
  };
  expect(seriesOf('guest', guest)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_guest_filesystems 9",
      "libvirt_domain_guest_load{minutes="1"} 0.25",
      "libvirt_domain_guest_load{minutes="5"} 0.5",
      "libvirt_domain_guest_load{minutes="15"} 0.75",
      "libvirt_domain_guest_update_timestamp_seconds 5",
      "libvirt_domain_guest_os_info{hostname="db01.example", os_id="debian", os_name="Debian 12", os_version="12", kernel="6.1"}",
    ]
  `);
  expect(
    seriesOf('guestFilesystem', {
      mountpoint: '/data',
      type: 'xfs',
      totalBytes: 100,
      usedBytes: 40,
      disk: 'vda',
    }),
  ).toMatchInlineSnapshot(`
    [
      "libvirt_domain_guest_filesystem_size_bytes 100",
      "libvirt_domain_guest_filesystem_used_bytes 40",
      "libvirt_domain_guest_filesystem_info{mountpoint="/data", fstype="xfs"}",
    ]
  `);
});

const statsOf = (figures: Readonly<Record<string, number | string>>) =>
  readDomainStats(
    Object.entries(figures).map(([field, value]) => ({
      field,
      type: typeof value === 'string' ? 7 : 4,
      value,
    })),
  );
const numberedFrom = (first: number, prefix: string, fields: readonly string[]) =>
  Object.fromEntries(fields.map((field, index) => [`${prefix}${field}`, first + index]));

test('the memory statistics of a guest are in bytes, and faults are counters', () => {
  const fields = ['current', 'maximum', 'swap_in', 'swap_out', 'major_fault', 'minor_fault', 'unused'];
  const more = [
    'usable',
    'available',
    'rss',
    'disk_caches',
    'hugetlb_pgalloc',
    'hugetlb_pgfail',
    'last-update',
  ];
  expect(
    seriesOf('domain', statsOf(numberedFrom(1, 'balloon.', [...fields, ...more]))),
  ).toMatchInlineSnapshot(`
    [
      "libvirt_domain_memory_stats_last_update_timestamp_seconds 14",
      "libvirt_domain_memory_stats_swap_in_bytes_total 3072",
      "libvirt_domain_memory_stats_swap_out_bytes_total 4096",
      "libvirt_domain_memory_stats_major_fault_total 5",
      "libvirt_domain_memory_stats_minor_fault_total 6",
      "libvirt_domain_memory_stats_unused_bytes 7168",
      "libvirt_domain_memory_stats_available_bytes 9216",
      "libvirt_domain_memory_stats_usable_bytes 8192",
      "libvirt_domain_memory_stats_used_bytes 1024",
      "libvirt_domain_memory_stats_used_percent 11.11111111111111",
      "libvirt_domain_memory_stats_disk_caches_bytes 11264",
      "libvirt_domain_memory_stats_hugetlb_pgalloc_total 12",
      "libvirt_domain_memory_stats_hugetlb_pgfail_total 13",
      "libvirt_domain_memory_stats_disk_cache_bytes 11264",
      "libvirt_domain_memory_stats_swap_in_bytes 3072",
      "libvirt_domain_memory_stats_swap_out_bytes 4096",
    ]
  `);
});

test('a disk has its counters in seconds and bytes', () => {
  const each = ['reqs', 'bytes', 'times'];
  const fields = ['rd', 'wr', 'fl', 'di'].flatMap((what) => each.map((kind) => `${what}.${kind}`));
  const more = ['allocation', 'capacity', 'physical', 'errors', 'threshold'];
  const stats = statsOf({ 'block.0.name': 'vda', ...numberedFrom(1e9, 'block.0.', [...fields, ...more]) });
  const [block] = stats.blocks.values();
  if (block === undefined) throw new Error('the disk is missing');
  expect(seriesOf('block', block)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_block_stats_read_bytes_total 1000000001",
      "libvirt_domain_block_stats_read_requests_total 1000000000",
      "libvirt_domain_block_stats_read_time_seconds_total 1.000000002",
      "libvirt_domain_block_stats_write_bytes_total 1000000004",
      "libvirt_domain_block_stats_write_requests_total 1000000003",
      "libvirt_domain_block_stats_write_time_seconds_total 1.000000005",
      "libvirt_domain_block_stats_flush_requests_total 1000000006",
      "libvirt_domain_block_stats_flush_time_seconds_total 1.000000008",
      "libvirt_domain_block_stats_errors_total 1000000015",
      "libvirt_domain_block_stats_allocation_bytes 1000000012",
      "libvirt_domain_block_stats_capacity_bytes 1000000013",
      "libvirt_domain_block_stats_physical_bytes 1000000014",
      "libvirt_domain_block_stats_threshold_bytes 1000000016",
      "libvirt_domain_block_stats_allocation 1000000012",
      "libvirt_domain_block_stats_physicalsize_bytes 1000000014",
    ]
  `);
});

test('an interface and a vCPU have their counters', () => {
  const fields = ['rx', 'tx'].flatMap((way) =>
    ['bytes', 'pkts', 'errs', 'drop'].map((what) => `${way}.${what}`),
  );
  const stats = statsOf({
    'net.0.name': 'vnet0',
    ...numberedFrom(1, 'net.0.', fields),
    ...numberedFrom(1e9, 'vcpu.0.', ['state', 'time', 'wait', 'delay']),
    'vcpu.0.state': 1,
    'vcpu.0.halted': 1,
  });
  const [net] = stats.nets.values();
  const [vcpu] = stats.vcpus.values();
  if (net === undefined || vcpu === undefined) throw new Error('a device is missing');
  expect(seriesOf('net', net)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_interface_stats_receive_bytes_total 1",
      "libvirt_domain_interface_stats_receive_packets_total 2",
      "libvirt_domain_interface_stats_receive_errors_total 3",
      "libvirt_domain_interface_stats_receive_drops_total 4",
      "libvirt_domain_interface_stats_transmit_bytes_total 5",
      "libvirt_domain_interface_stats_transmit_packets_total 6",
      "libvirt_domain_interface_stats_transmit_errors_total 7",
      "libvirt_domain_interface_stats_transmit_drops_total 8",
    ]
  `);
  expect(seriesOf('vcpu', vcpu)).toMatchInlineSnapshot(`
    [
      "libvirt_domain_vcpu_state 1",
      "libvirt_domain_vcpu_time_seconds_total 1.000000001",
      "libvirt_domain_vcpu_wait_seconds_total 1.000000002",
      "libvirt_domain_vcpu_delay_seconds_total 1.000000003",
      "libvirt_domain_vcpu_halted 1",
    ]
  `);
});

test('the owner of a VM of OpenStack or oVirt, and the labels of a site', () => {
  const facts = {
    ...parseDomain('<domain/>'),
    nova: {
      instanceName: 'db-1',
      flavor: 'm1',
      userName: 'ann',
      userUuid: 'u-2',
      projectName: 'shop',
      projectUuid: 'u-3',
      rootType: 'image',
      rootUuid: 'u-4',
    },
    ovirt: { clusterVersion: '4.7', resumeBehavior: 'kill', destroyOnReboot: 'false' },
    labels: new Map([['team', 'db']]),
  };
  expect(seriesOf('identity', { uuid: 'u-1', facts })).toMatchInlineSnapshot(`
    [
      "libvirt_domain_info{uuid="u-1"}",
      "libvirt_domain_openstack_info{instance_name="db-1", instance_id="u-1", flavor_name="m1", user_name="ann", user_id="u-2", project_name="shop", project_id="u-3", root_type="image", root_id="u-4"}",
      "libvirt_domain_info_meta{uuid="u-1", instance_name="db-1", flavor="m1", user_name="ann", user_uuid="u-2", project_name="shop", project_uuid="u-3", root_type="image", root_uuid="u-4"}",
    ]
  `);
  expect(seriesOf('identity', { uuid: 'u-1', facts: undefined })).toMatchInlineSnapshot(`
    [
      "libvirt_domain_info{uuid="u-1"}",
      "libvirt_domain_info_meta{uuid="u-1", instance_name="", flavor="", user_name="", user_uuid="", project_name="", project_uuid="", root_type="", root_uuid=""}",
    ]
  `);
  expect(seriesOf('facts', facts).filter((line) => /ovirt|metadata/.test(line))).toMatchInlineSnapshot(`
    [
      "libvirt_domain_ovirt_info{cluster_version="4.7", resume_behavior="kill", destroy_on_reboot="false"}",
      "libvirt_domain_metadata_info{team="db"}",
    ]
  `);
});

test('what libvirt knows of a VM without its QEMU', () => {
  expect(
    seriesOf('summary', {
      uuid: 'u-1',
      state: 1,
      reason: 5,
      maximumKiB: 4,
      memoryKiB: 3,
      vcpus: 2,
      rssKiB: 1,
      cpuTimeNs: 9e9,
      userNs: 8e9,
      systemNs: 7e9,
      marks: { persistent: true, autostart: false, managedSave: true, hasSnapshot: false },
      autostartOnce: true,
    }),
  ).toMatchInlineSnapshot(`
    [
      "libvirt_domain_info_state_reason 5",
      "libvirt_domain_info_maximum_memory_bytes 4096",
      "libvirt_domain_info_memory_usage_bytes 3072",
      "libvirt_domain_info_virtual_cpus 2",
      "libvirt_domain_info_cpu_time_seconds_total 9",
      "libvirt_domain_info_cpu_user_seconds_total 8",
      "libvirt_domain_info_cpu_system_seconds_total 7",
      "libvirt_domain_memory_stats_current_balloon_bytes 3072",
      "libvirt_domain_memory_stats_maximum_bytes 4096",
      "libvirt_domain_memory_stats_rss_bytes 1024",
      "libvirt_domain_persistent 1",
      "libvirt_domain_autostart 0",
      "libvirt_domain_autostart_once 1",
      "libvirt_domain_managed_save 1",
      "libvirt_domain_has_snapshot 0",
      "libvirt_domain_info_vstate 1",
      "libvirt_domain_memory_stats_actual_balloon_bytes 3072",
      "libvirt_domain_state_code 1",
    ]
  `);
});

test('overcommit, contention and the width of VMs', () => {
  expect(
    seriesOf('overcommit', {
      domains: 11,
      vcpusRunning: 2,
      vcpusPaused: 3,
      vcpusDefined: 4,
      vcpuRatio: 0.5,
      vcpuRatioDefined: 0.75,
      memoryMaximumKiB: 5,
      memoryCurrentKiB: 6,
      memoryMigratingKiB: 7,
      memoryMaximumRatio: 0.8,
      memoryCurrentRatio: 0.9,
      cpusDedicated: 9,
      cpusDedicatedTwice: 8,
      hugepages: [
        { sizeKiB: 2_048, cell: 1, wanted: 20, free: 5 },
        { sizeKiB: 2_048, cell: undefined, wanted: 3, free: 9 },
        { sizeKiB: 4, cell: 0, wanted: 6, free: undefined },
      ],
      pools: [{ pool: 'images', provisionedBytes: 10 }],
    }),
  ).toMatchInlineSnapshot(`
    [
      "libvirt_host_vcpus{state="running"} 2",
      "libvirt_host_vcpus{state="paused"} 3",
      "libvirt_host_vcpus{state="defined"} 4",
      "libvirt_host_vcpu_overcommit_ratio{state="running"} 0.5",
      "libvirt_host_vcpu_overcommit_ratio{state="defined"} 0.75",
      "libvirt_host_memory_promised_bytes{kind="maximum"} 5120",
      "libvirt_host_memory_promised_bytes{kind="current"} 6144",
      "libvirt_host_memory_promised_bytes{kind="migrating"} 7168",
      "libvirt_host_memory_overcommit_ratio{kind="maximum"} 0.8",
      "libvirt_host_memory_overcommit_ratio{kind="current"} 0.9",
      "libvirt_host_cpus_dedicated 9",
      "libvirt_host_cpus_dedicated_twice 8",
      "libvirt_host_hugepages_wanted{size="2048KiB", cell="1"} 20",
      "libvirt_host_hugepages_wanted{size="2048KiB", cell="any"} 3",
      "libvirt_host_hugepages_wanted{size="4KiB", cell="0"} 6",
      "libvirt_host_hugepages_missing{size="2048KiB", cell="1"} 15",
      "libvirt_host_hugepages_missing{size="2048KiB", cell="any"} 0",
      "libvirt_storage_pool_provisioned_bytes{storage_pool="images"} 10",
      "libvirt_domains_number 11",
    ]
  `);
  expect(seriesOf('contention', { runNs: 3e9, delayNs: 1e9, elapsedMs: 2_000 })).toMatchInlineSnapshot(`
    [
      "libvirt_host_vcpu_contention_ratio 0.25",
      "libvirt_host_vcpu_delay_cpus 0.5",
    ]
  `);
  expect(seriesOf('contention', { runNs: 0, delayNs: 0, elapsedMs: 0 })).toEqual([]);
  expect(seriesOf('fit', { widerThanHost: true, widerThanCell: false })).toMatchInlineSnapshot(`
    [
      "libvirt_domain_wider_than_host 1",
      "libvirt_domain_wider_than_numa_cell 0",
    ]
  `);
  expect(seriesOf('fit', { widerThanHost: undefined, widerThanCell: undefined })).toEqual([]);
  expect(seriesOf('limitUse', new Map([['read_bytes', 0.25]]))).toMatchInlineSnapshot(`
    [
      "libvirt_domain_block_stats_limit_use_ratio{limit="read_bytes"} 0.25",
    ]
  `);
  expect(seriesOf('missing', [{ group: 'vcpu', reason: 'unresponsive' }])).toMatchInlineSnapshot(`
    [
      "virtune_domain_missing{group="vcpu", reason="unresponsive"} 1",
      "libvirt_domain_timed_out 1",
    ]
  `);
  expect(seriesOf('missing', [])).toMatchInlineSnapshot(`
    [
      "libvirt_domain_timed_out 0",
    ]
  `);
});
