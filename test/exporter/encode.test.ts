import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeSample } from '../../exporter/prometheus/encode.ts';
import { TextBuffer } from '../../exporter/prometheus/text-buffer.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { compatGroups } from '../../model/catalogue/compat.ts';
import { compileMetadata } from '../../model/domain/custom-metadata.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { withNicNames } from '../../model/domain/nic-names.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { DomainSummary } from '../../model/summary.ts';
import type { DomainSample, HostSample } from '../../sampler/host-sample.ts';
import { figure, find, parseExposition } from '../exposition.ts';
import { CLOSED } from './health.ts';
import { healthText, sampleText } from './sample-text.ts';

function params(figures: Record<string, number | string>): TypedParam[] {
  return Object.entries(figures).map(([field, value]) => ({
    field,
    type: typeof value === 'string' ? ParamType.string : ParamType.ullong,
    value,
  }));
}

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const UNKNOWN: DomainSummary = {
  uuid: UUID,
  state: undefined,
  reason: undefined,
  maximumKiB: undefined,
  memoryKiB: undefined,
  vcpus: undefined,
  cpuTimeNs: undefined,
  userNs: undefined,
  systemNs: undefined,
  marks: undefined,
};

function fresh(
  name: string,
  figures: Record<string, number | string>,
  xml?: string,
  summary: Partial<DomainSummary> = {},
): DomainSample {
  const stats = readDomainStats(params({ 'state.state': 1, 'state.reason': 1, ...figures }));
  return {
    domain: { name, uuid: UUID, id: 1 },
    summary: { ...UNKNOWN, state: 1, reason: 1, ...summary },
    facts: xml === undefined ? undefined : parseDomain(xml),
    outcome: { kind: 'fresh', stats, atMs: 1_000 },
    lastFreshAtMs: 1_000,
  };
}

const sampleOf = (...domains: DomainSample[]): HostSample => ({
  startedAtMs: 1_000,
  durationMs: 250,
  domains,
  versions: { hypervisor: 7_002_001, libvirt: 9_000_000 },
});

test('figures leave in base units under their names', () => {
  const series = parseExposition(
    sampleText(
      sampleOf(
        fresh(
          'db',
          {
            'balloon.unused': 512,
            'vcpu.3.delay': 500_000_000,
            'block.0.name': 'vda',
            'block.0.rd.times': 1_000_000,
            'net.0.name': 'vnet0',
            'net.0.rx.drop': 4,
          },
          undefined,
          { cpuTimeNs: 2_500_000_000, memoryKiB: 1_024 },
        ),
      ),
    ),
  );
  const domain = 'db';
  expect(figure(series, 'libvirt_up')).toBe(1);
  expect(figure(series, 'virtune_sample_duration_seconds')).toBe(0.25);
  expect(find(series, 'libvirt_versions_info')[0]?.labels).toEqual({
    hypervisor_running: '7.2.1',
    libvirtd_running: '9.0.0',
  });
  expect(figure(series, 'libvirt_domain_info_cpu_time_seconds_total', { domain })).toBe(2.5);
  expect(figure(series, 'libvirt_domain_memory_stats_current_balloon_bytes', { domain })).toBe(1_048_576);
  expect(figure(series, 'libvirt_domain_memory_stats_unused_bytes', { domain })).toBe(524_288);
  expect(figure(series, 'libvirt_domain_vcpu_delay_seconds_total', { domain, vcpu: '3' })).toBe(0.5);
  expect(figure(series, 'libvirt_domain_block_stats_read_time_seconds_total', { target_device: 'vda' })).toBe(
    0.001,
  );
  expect(
    figure(series, 'libvirt_domain_interface_stats_receive_drops_total', { target_device: 'vnet0' }),
  ).toBe(4);
});

test('bins by their start become a histogram by upper bound, which counts up to the number of requests', () => {
  const bins = { read: [3, 5, 1] };
  const figures: Record<string, number | string> = { 'block.0.name': 'vda' };
  for (const [index, count] of bins.read.entries()) {
    figures[`block.0.latency_histogram.read.bin.${index}.start`] = index * 1_000_000;
    figures[`block.0.latency_histogram.read.bin.${index}.value`] = count;
  }
  const series = parseExposition(sampleText(sampleOf(fresh('db', figures))));
  const name = 'libvirt_domain_block_stats_latency_seconds';
  const labels = { domain: 'db', target_device: 'vda', operation: 'read' };
  expect(find(series, `${name}_bucket`).map((each) => [each.labels['le'], each.value])).toEqual([
    ['0.001', 3],
    ['0.002', 8],
    ['+Inf', 9],
  ]);
  expect(figure(series, `${name}_count`, labels)).toBe(9);
});

test('bins that come in any order, or whose starts do not rise, give bounds that rise', () => {
  const figures: Record<string, number | string> = { 'block.0.name': 'vda' };
  for (const [index, startNs] of [
    [3, 1_000_000],
    [0, 0],
    [2, 2_000_000],
    [1, 2_000_000],
  ] as const) {
    figures[`block.0.latency_histogram.read.bin.${index}.start`] = startNs;
    figures[`block.0.latency_histogram.read.bin.${index}.value`] = 10 ** index;
  }
  const series = parseExposition(sampleText(sampleOf(fresh('db', figures))));
  const name = 'libvirt_domain_block_stats_latency_seconds';
  expect(find(series, `${name}_bucket`).map((each) => [each.labels['le'], each.value])).toEqual([
    ['0.002', 1],
    ['+Inf', 1_111],
  ]);
});

test.each([-9, Number.MAX_SAFE_INTEGER + 2, undefined])(
  'a histogram with a bin that counts %s is left out: its sums would be wrong',
  (value) => {
    const figures: Record<string, number | string> = { 'block.0.name': 'vda' };
    for (const [index, count] of [1, value, 3].entries()) {
      figures[`block.0.latency_histogram.read.bin.${index}.start`] = index * 1_000_000;
      if (count !== undefined) figures[`block.0.latency_histogram.read.bin.${index}.value`] = count;
      figures[`block.0.latency_histogram.write.bin.${index}.start`] = index * 1_000_000;
      figures[`block.0.latency_histogram.write.bin.${index}.value`] = 1;
    }
    const series = parseExposition(sampleText(sampleOf(fresh('db', figures))));
    const counts = find(series, 'libvirt_domain_block_stats_latency_seconds_count');
    expect(counts.map((each) => [each.labels['operation'], each.value])).toEqual([['write', 3]]);
  },
);

test('a group that is not enabled leaves no series, and one that is leaves its own', () => {
  const sample = sampleOf(fresh('db', { 'vcpu.0.exits.sum': 12, 'vcpu.0.time': 1 }));
  expect(sampleText(sample)).not.toContain('kvm');
  const text = sampleText(sample, 'text', new Set(['kvm']));
  expect(text).toContain('libvirt_domain_kvm_vcpu_total{domain="db",vcpu="0",stat="exits"} 12\n');
  expect(text).not.toContain('vcpu_time');
});

test('figures of resctrl are exported per monitor; a monitor that is reported twice gives each series once', () => {
  const monitors: Record<string, number | string> = {};
  for (const index of [0, 1]) {
    monitors[`cpu.cache.monitor.${index}.name`] = 'vcpus_0';
    monitors[`cpu.cache.monitor.${index}.vcpus`] = '0';
    monitors[`cpu.cache.monitor.${index}.bank.0.id`] = 2;
    monitors[`cpu.cache.monitor.${index}.bank.0.bytes`] = 4_096;
  }
  monitors['memory.bandwidth.monitor.0.node.0.bytes.total'] = 9;
  const series = parseExposition(sampleText(sampleOf(fresh('db', monitors))));
  const labels = { domain: 'db', monitor: 'vcpus_0', vcpus: '0', bank: '2' };
  expect(find(series, 'libvirt_domain_cache_occupancy_bytes')).toEqual([
    { name: 'libvirt_domain_cache_occupancy_bytes', labels, value: 4_096 },
  ]);
  const bandwidth = find(series, 'libvirt_domain_memory_bandwidth_bytes_total');
  expect(bandwidth.map((each) => [each.labels['node'], each.labels['kind'], each.value])).toEqual([
    ['0', 'total', 9],
  ]);
});

test("a guest's own words are labels only in the group that is for them, and there on one line and not too long", () => {
  const guest = {
    figures: {
      atMs: 5_000,
      filesystems: new Map([
        [0, { mountpoint: '/', type: 'ext4', totalBytes: 10, usedBytes: 4, disk: 'vda' }],
        [
          1,
          {
            mountpoint: `/"}\n${'x'.repeat(999)}`,
            type: '\u001b[31m',
            totalBytes: 1,
            usedBytes: 1,
            disk: 'evil"',
          },
        ],
      ]),
      filesystemCount: 2,
      load: undefined,
      hostname: 'a\nb',
      os: new Map([['id', 'lab']]),
    },
    missing: [],
  };
  const xml = "<domain><devices><disk><target dev='vda'/></disk></devices></domain>";
  const sample = sampleOf({ ...fresh('db', {}, xml), guest });
  const numbers = parseExposition(sampleText(sample, 'text', new Set(['agent'])));
  const used = find(numbers, 'libvirt_domain_guest_filesystem_used_bytes');
  expect(used.map(({ labels, value }) => [labels, value])).toEqual([
    [{ domain: 'db', filesystem: '0', target_device: 'vda' }, 4],
    // Not one of its disks: guest-controlled text never becomes a label.
    [{ domain: 'db', filesystem: '1' }, 1],
  ]);
  expect(JSON.stringify(numbers)).not.toMatch(/xxx|"lab"|ext4|u001b/);
  const words = parseExposition(sampleText(sample, 'text', new Set(['agentinfo'])));
  const mounts = find(words, 'libvirt_domain_guest_filesystem_info').map(({ labels }) => labels);
  expect(mounts[0]).toMatchObject({ mountpoint: '/', fstype: 'ext4' });
  expect(mounts[1]?.['mountpoint']).toMatch(/^\/"} x{195,200}…$/);
  expect(mounts[1]?.['fstype']).toBe('[31m');
  expect(find(words, 'libvirt_domain_guest_os_info')[0]?.labels).toEqual({
    domain: 'db',
    hostname: 'a b',
    os_id: 'lab',
  });
});

test('names of another exporter are given beside our own when asked for', () => {
  const sample = sampleOf(fresh('db', {}, undefined, { state: 1, memoryKiB: 1 }));
  expect(sampleText(sample)).not.toContain('libvirt_domain_info_vstate');
  const text = sampleText(sample, 'text', undefined, [compatGroups.tinkoff]);
  expect(text).toContain('libvirt_domain_info_vstate{domain="db"} 1\n');
  expect(text).toContain('libvirt_domain_memory_stats_actual_balloon_bytes{domain="db"} 1024\n');
});

test('how a VM is tuned is read from its XML: pins, hugepages, limits, bandwidth', () => {
  const xml = `<domain type='kvm'><vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='2'/></cputune>
    <memoryBacking><hugepages><page size='1' unit='G'/></hugepages><locked/></memoryBacking><devices>
    <disk><target dev='vda'/><driver queues='4'/><iotune><read_iops_sec>500</read_iops_sec><write_iops_sec>0</write_iops_sec></iotune></disk>
    <interface type='bridge'><target dev='vnet0'/><bandwidth><inbound average='1000' peak='2000'/></bandwidth></interface>
    </devices></domain>`;
  const series = parseExposition(sampleText(sampleOf(fresh('db', {}, xml))));
  const limit = 'libvirt_domain_interface_stats_limit_bytes_per_second';
  expect(figure(series, 'libvirt_domain_vcpus_pinned')).toBe(1);
  expect(figure(series, 'libvirt_domain_hugepage_size_bytes')).toBe(2 ** 30);
  expect(figure(series, 'libvirt_domain_memory_locked')).toBe(1);
  expect(figure(series, 'libvirt_domain_block_stats_queues', { target_device: 'vda' })).toBe(4);
  expect(figure(series, 'libvirt_domain_block_stats_limit_read_requests')).toBe(500);
  expect(find(series, 'libvirt_domain_block_stats_limit_write_requests')).toEqual([]);
  expect(figure(series, limit, { direction: 'receive', kind: 'peak' })).toBe(2_048_000);
});

test('what libvirt did not report is absent: no family, no zero', () => {
  const text = sampleText(sampleOf(fresh('db', {})));
  expect(text).not.toContain('memory_stats_unused');
  expect(text).not.toContain('block_stats');
  expect(text).not.toContain('libvirt_domain_vcpu');
});

test('a domain without figures keeps its state, and says since when it does not answer', () => {
  const stuck: DomainSample = {
    ...fresh('db', {}),
    outcome: { kind: 'unresponsive', sinceMs: 500_000 },
    lastFreshAtMs: 0,
  };
  const series = parseExposition(sampleText({ ...sampleOf(stuck), startedAtMs: 60_000 }));
  expect(figure(series, 'libvirt_domain_info_state', { domain: 'db', state_desc: 'running' })).toBe(1);
  expect(figure(series, 'virtune_domain_outcome', { domain: 'db', outcome: 'unresponsive' })).toBe(1);
  expect(figure(series, 'virtune_domain_unresponsive_since_timestamp_seconds', { domain: 'db' })).toBe(500);
  expect(figure(series, 'virtune_domain_sample_age_seconds', { domain: 'db' })).toBe(60);
});

test('a domain whose XML was never read still has its UUID to join by, and nothing made up beside it', () => {
  const series = parseExposition(sampleText(sampleOf(fresh('db', {}))));
  const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';
  expect(find(series, 'libvirt_domain_info')[0]?.labels).toEqual({ domain: 'db', uuid });
  expect(find(series, 'libvirt_domain_openstack_info')).toEqual([]);
});

test('any name is a valid label value', () => {
  const hostile = [
    '"} 1\nfake 1',
    'a\\',
    '\\n',
    '{red-fg}',
    '\u001b[31m',
    '日本語',
    '‮rtl',
    'x'.repeat(255),
    '',
    ' ',
  ];
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary' })), (name) => {
      const figures = { 'balloon.major_fault': 1, 'block.0.name': name, 'block.0.rd.bytes': 1 };
      const series = parseExposition(sampleText(sampleOf(fresh(name, figures))));
      expect(figure(series, 'libvirt_domain_memory_stats_major_fault_total', { domain: name })).toBe(1);
      expect(figure(series, 'libvirt_domain_block_stats_read_bytes_total', { target_device: name })).toBe(1);
    }),
  );
});

test('names and metadata of 4 KiB of Unicode are whole where they identify, and cut where they describe', () => {
  const name = '𝔙"\\\n{}‮é\u001b'.repeat(400);
  expect(Buffer.byteLength(name)).toBeGreaterThan(4_096);
  const words = '語𝔙'.repeat(700);
  expect(Buffer.byteLength(words)).toBeGreaterThan(4_096);
  const xml = `<domain><title>${words}</title><metadata>
    <nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>${words}</nova:name></nova:instance>
    </metadata></domain>`;
  const facts = parseDomain(xml, 'x', compileMetadata({ title: 'title' }));
  for (const format of ['text', 'openMetrics'] as const) {
    const series = parseExposition(sampleText(sampleOf({ ...fresh(name, {}), facts }), format));
    expect(find(series, 'libvirt_domain_info_state', { domain: name })).toHaveLength(1);
    const title = find(series, 'libvirt_domain_metadata_info', { domain: name })[0]?.labels['title'];
    expect(title?.length).toBeLessThanOrEqual(400);
    const nova = find(series, 'libvirt_domain_openstack_info', { domain: name })[0]?.labels;
    expect(nova?.['instance_name']?.length).toBeLessThanOrEqual(400);
  }
});

test('two devices of one name give one series: a duplicate series would make the scrape invalid', () => {
  const figures = {
    'block.0.name': 'vda',
    'block.0.rd.bytes': 1,
    'block.1.name': 'vda',
    'block.1.rd.bytes': 2,
  };
  const xml = `<domain><devices>${"<disk><target dev='vda'/></disk>".repeat(2)}${"<interface type='user'/>".repeat(2)}</devices></domain>`;
  const series = parseExposition(sampleText(sampleOf(fresh('db', figures, xml))));
  expect(find(series, 'libvirt_domain_block_stats_read_bytes_total')).toHaveLength(1);
  expect(find(series, 'libvirt_domain_block_stats_info')).toHaveLength(1);
});

test('passed-through NICs, disks without a source and empty drives give each series once and nothing made up', () => {
  const xml = `<domain><devices>
    <interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:01'/></interface>
    <interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:02'/></interface>
    <interface type='hostdev'><target dev='ens1f0v3'/></interface>
    <interface type='bridge'><source bridge='br0'/><target dev='vnet4'/></interface>
    <hostdev mode='subsystem' type='pci'/>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <disk type='file' device='cdrom'><target dev='sdb' bus='sata'/><source/></disk>
    <disk type='block' device='lun'><source dev='/dev/sdx'/><target dev='sdc' bus='scsi'/></disk>
    <disk type='network' device='disk'><source protocol='rbd' name='pool/image'/><target dev='vda'/></disk>
    </devices></domain>`;
  const figures = {
    // libvirt numbers the devices that have counters, without gaps for the others.
    'net.0.name': 'vnet4',
    'net.0.rx.bytes': 7,
    'block.0.name': 'sda',
    'block.1.name': 'vda',
    'block.1.rd.bytes': 9,
    // A backing image, which libvirt reports under its disk's name as well.
    'block.2.name': 'vda',
    'block.2.backingIndex': 2,
    'block.2.rd.bytes': 1,
  };
  const series = parseExposition(sampleText(sampleOf(fresh('db', figures, xml))));
  const devices = (name: string): (string | undefined)[] =>
    find(series, name).map(({ labels }) => labels['target_device']);
  expect(devices('libvirt_domain_interface_stats_info')).toEqual(['ens1f0v3', 'vnet4']);
  expect(devices('libvirt_domain_interface_stats_receive_bytes_total')).toEqual(['vnet4']);
  expect(devices('libvirt_domain_block_stats_info')).toEqual(['sda', 'sdb', 'sdc', 'vda']);
  expect(devices('libvirt_domain_block_stats_read_bytes_total')).toEqual(['vda']);
  expect(figure(series, 'libvirt_domain_block_stats_read_bytes_total')).toBe(9);
  const empty = find(series, 'libvirt_domain_block_stats_info', { target_device: 'sda' })[0];
  expect(empty?.labels).not.toHaveProperty('source_file');
});

test("each family's head stands once, before its series, in both formats", () => {
  const sample = sampleOf(
    fresh('a', {}, undefined, { cpuTimeNs: 1 }),
    fresh('b', {}, undefined, { cpuTimeNs: 2 }),
  );
  for (const format of ['text', 'openMetrics'] as const) {
    const heads = [...sampleText(sample, format).matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(new Set(heads).size).toBe(heads.length);
  }
  expect(sampleText(sample, 'openMetrics')).toContain(
    '# TYPE libvirt_domain_info_cpu_time_seconds counter\n',
  );
  expect(sampleText(sample, 'openMetrics')).toContain(
    'libvirt_domain_info_cpu_time_seconds_total{domain="b"} 2e-9\n',
  );
});

test('thousands of series are sent in chunks that add up to the same text', () => {
  const many = sampleOf(
    ...Array.from({ length: 5_000 }, (_, index) => fresh(`vm-${index}`, {}, undefined, { cpuTimeNs: index })),
  );
  const text = new TextBuffer();
  const pieces = [...encodeSample(text, many, 'text')];
  expect(pieces.length).toBeGreaterThan(10);
  expect(
    find(parseExposition(text.bytes().toString()), 'libvirt_domain_info_cpu_time_seconds_total'),
  ).toHaveLength(5_000);
});

test('an unreachable host is down, and what is known of the connection is still exported', () => {
  const health = { ...CLOSED, reconnects: 3 };
  const series = parseExposition(healthText(health, false));
  expect(figure(series, 'libvirt_up')).toBe(0);
  expect(figure(series, 'virtune_connection_reconnects_total')).toBe(3);
  expect(figure(series, 'virtune_connection_state', { state: 'closed' })).toBe(1);
});

test('the time of a sample is that of its start, and a crash has its time, also of a VM that is gone', () => {
  const sample = {
    ...sampleOf(fresh('db', {})),
    startedAtMs: 1_700_000_000_500,
    crashes: [
      { uuid: 'u-1', name: 'gone "vm"', atMs: 1_699_999_000_000 },
      { uuid: 'u-2', name: 'twice', atMs: 1_000 },
      { uuid: 'u-3', name: 'twice', atMs: 2_000 },
    ],
  };
  const series = parseExposition(sampleText(sample, 'text'));
  expect(figure(series, 'virtune_sample_timestamp_seconds')).toBe(1_700_000_000.5);
  expect(figure(series, 'virtune_domain_crash_timestamp_seconds', { domain: 'gone "vm"', uuid: 'u-1' })).toBe(
    1_699_999_000,
  );
  expect(find(series, 'virtune_domain_crash_timestamp_seconds')).toHaveLength(3);
  const calm = parseExposition(sampleText(sampleOf(fresh('db', {})), 'text'));
  expect(find(calm, 'virtune_domain_crash_timestamp_seconds')).toEqual([]);
});

test('whether a host is in maintenance is exported also while its libvirt is down', () => {
  const maintenance = (isOn: boolean): number | undefined =>
    figure(parseExposition(healthText(CLOSED, false, isOn)), 'virtune_host_maintenance');
  expect([maintenance(true), maintenance(false)]).toEqual([1, 0]);
});

test('two NICs without a name on the host have a series each, with their MACs, and so has one without figures', () => {
  const nic = (type: string, index: number): string =>
    `<interface type='${type}'><mac address='52:54:00:00:00:0${index}'/><alias name='net${index}'/></interface>`;
  const xml = `<domain><devices>${nic('vhostuser', 0)}${nic('vhostuser', 1)}${nic('user', 2)}</devices></domain>`;
  const vm = fresh(
    'vh2',
    { 'net.0.name': '', 'net.0.rx.bytes': 1, 'net.1.name': '', 'net.1.rx.bytes': 2 },
    xml,
  );
  if (vm.outcome.kind !== 'fresh') throw new Error('not fresh');
  const stats = withNicNames(vm.outcome.stats, vm.facts?.interfaces);
  const series = parseExposition(sampleText(sampleOf({ ...vm, outcome: { ...vm.outcome, stats } })));
  const info = find(series, 'libvirt_domain_interface_stats_info');
  expect(info.map(({ labels }) => [labels['target_device'], labels['mac_address']])).toEqual([
    ['net0', '52:54:00:00:00:00'],
    ['net1', '52:54:00:00:00:01'],
    ['net2', '52:54:00:00:00:02'],
  ]);
  const received = 'libvirt_domain_interface_stats_receive_bytes_total';
  expect(find(series, received).map(({ labels, value }) => [labels['target_device'], value])).toEqual([
    ['net0', 1],
    ['net1', 2],
  ]);
});

const PEER_XML = `<domain><devices>
  <disk type='network'><driver name='qemu' type='raw' cache='none' discard='unmap'/><source protocol='rbd' name='p/i'/><target dev='vda' bus='virtio'/></disk>
  <interface type='bridge'><source bridge='br0'/><target dev='vnet0'/></interface></devices></domain>`;

/** Read from inovex' source (2.5.0) and a scrape of Debian's prometheus-libvirt-exporter 0.2.0. */
test.each([
  ['kumina', 'libvirt_domain_info_virtual_cpus', { uuid: UUID }],
  ['kumina', 'libvirt_domain_info_maximum_memory_bytes', { uuid: UUID }],
  ['kumina', 'libvirt_domain_state_code', { uuid: UUID }],
  ['kumina', 'libvirt_domain_block_stats_read_bytes_total', { uuid: UUID, source_file: 'rbd:p/i' }],
  ['kumina', 'libvirt_domain_interface_stats_transmit_drops_total', { uuid: UUID, source_bridge: 'br0' }],
  [
    'inovex',
    'libvirt_domain_block_stats_info',
    {
      target_bus: 'virtio',
      driver_name: 'qemu',
      driver_type: 'raw',
      driver_cache: 'none',
      driver_discard: 'unmap',
      source_protocol: 'rbd',
    },
  ],
] as const)('with --compat %s, %s carries the labels that it has there', (compat, name, labels) => {
  const sample = sampleOf(
    fresh(
      'db',
      { 'block.0.name': 'vda', 'block.0.rd.bytes': 1, 'net.0.name': 'vnet0', 'net.0.tx.drop': 1 },
      PEER_XML,
      { vcpus: 2, maximumKiB: 1 },
    ),
  );
  const together = parseExposition(sampleText(sample, 'text', undefined, Object.values(compatGroups)));
  const alone = parseExposition(sampleText(sample, 'text', undefined, [compatGroups[compat]]));
  for (const series of [together, alone]) expect(find(series, name)[0]?.labels).toMatchObject(labels);
  for (const { labels: own } of find(parseExposition(sampleText(sample)), name)) {
    expect(Object.keys(own)).not.toContain('uuid');
    expect(Object.keys(own)).not.toContain('driver_name');
  }
});
