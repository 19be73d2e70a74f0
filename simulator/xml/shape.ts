/**
 * How libvirt 9.0 prints a domain (conf/domain_conf.c, virDomainDefFormatInternal and what it calls): in which
 * order, and what it takes. Whatever a client writes that is not here libvirt forgets, unless the shape is open:
 * then it is printed behind the rest, since this list is not the whole of libvirt's.
 */
export interface Shape {
  /** In order. A list names the only values; a pattern is asked for only by who wants the schema checked. */
  readonly attributes?: Readonly<Record<string, readonly string[] | RegExp | undefined>>;
  readonly children?: readonly string[];
  /** An attribute that is wanted beside certain values of another; the schema's business alone. */
  readonly needs?: readonly [attribute: string, values: readonly string[], needed: string];
  /** Of its text; the schema's business alone. */
  readonly text?: RegExp;
  readonly open?: true;
  /** Children that there is only one of, and those that keep others out: the schema's business alone. */
  readonly once?: readonly string[];
  readonly excludes?: Readonly<Record<string, readonly string[]>>;
  /** Not printed when there is nothing in it. */
  readonly dropEmpty?: true;
}

const ANY = undefined;
const ON_OFF = ['on', 'off'] as const;
const YES_NO = ['yes', 'no'] as const;
const COUNT = /^[1-9]\d*$/;
const NUMBER = /^\d+$/;
/** 1,000 to 1,000,000 µs */
const PERIOD = /^([1-9]\d{3,5}|1000000)$/;
const NUMA_MODE = /^(strict|preferred|interleave|restrictive)$/;
const SCHEDULER = { scheduler: ['batch', 'idle', 'fifo', 'rr'], priority: NUMBER } as const;
const REAL_TIME = { needs: ['scheduler', ['fifo', 'rr'], 'priority'] } as const;
const state: Shape = { attributes: { state: ON_OFF } };
const SPEED = { average: NUMBER, peak: NUMBER, floor: NUMBER, burst: NUMBER } as const;
const VIRTIO = { iommu: ON_OFF, ats: ON_OFF, packed: ON_OFF, page_per_vq: ON_OFF } as const;
const IO_RATES = ['bytes', 'iops'].flatMap((what) =>
  ['total', 'read', 'write'].map((way) => `${way}_${what}_sec`),
);

/** By an element's name, or by its parent's and its own where names have more than one meaning. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  domain: {
    attributes: { type: ANY, id: ANY },
    children: [
      ...[
        'name',
        'uuid',
        'genid',
        'title',
        'description',
        'metadata',
        'maxMemory',
        'memory',
        'currentMemory',
      ],
      ...['blkiotune', 'memtune', 'memoryBacking', 'vcpu', 'vcpus', 'iothreads', 'iothreadids'],
      ...['defaultiothread', 'cputune', 'numatune', 'resource', 'sysinfo', 'bootloader', 'bootloader_args'],
      ...[
        'os',
        'idmap',
        'features',
        'cpu',
        'clock',
        'on_poweroff',
        'on_reboot',
        'on_crash',
        'on_lockfailure',
      ],
      ...['pm', 'perf', 'devices', 'seclabel', 'keywrap', 'launchSecurity'],
    ],
  },
  'domain/memory': { attributes: { unit: ANY, dumpCore: ON_OFF } },
  currentMemory: { attributes: { unit: ANY } },
  blkiotune: { children: ['weight', 'device'], dropEmpty: true },
  'blkiotune/weight': { text: /^([1-9]\d{1,2}|1000)$/ },
  'blkiotune/device': {
    children: ['path', 'weight', 'read_iops_sec', 'write_iops_sec', 'read_bytes_sec', 'write_bytes_sec'],
    dropEmpty: true,
  },
  memtune: { children: ['hard_limit', 'soft_limit', 'min_guarantee', 'swap_hard_limit'], dropEmpty: true },
  memoryBacking: {
    children: ['hugepages', 'nosharepages', 'locked', 'source', 'access', 'allocation', 'discard'],
    dropEmpty: true,
  },
  hugepages: { children: ['page'] },
  page: { attributes: { size: COUNT, unit: ANY, nodeset: ANY } },
  'memoryBacking/source': { attributes: { type: ['file', 'anonymous', 'memfd'] } },
  access: { attributes: { mode: ['shared', 'private'] } },
  allocation: { attributes: { mode: ['immediate', 'ondemand'], threads: COUNT } },
  'domain/vcpu': { attributes: { placement: ['static', 'auto'], cpuset: ANY, current: COUNT } },
  'vcpus/vcpu': { attributes: { id: NUMBER, enabled: YES_NO, hotpluggable: YES_NO, order: COUNT } },
  iothreadids: { children: ['iothread'], dropEmpty: true },
  // <poll> came with libvirt 9.4.
  'iothreadids/iothread': { attributes: { id: COUNT, thread_pool_min: NUMBER, thread_pool_max: NUMBER } },
  defaultiothread: { attributes: { thread_pool_min: NUMBER, thread_pool_max: NUMBER } },
  cputune: {
    children: [
      ...['shares', 'period', 'quota', 'global_period', 'global_quota', 'emulator_period', 'emulator_quota'],
      ...['iothread_period', 'iothread_quota', 'vcpupin', 'emulatorpin', 'iothreadpin', 'emulatorsched'],
      ...['vcpusched', 'iothreadsched', 'cachetune', 'memorytune'],
    ],
    once: ['emulatorpin', 'emulatorsched'],
    dropEmpty: true,
  },
  ...Object.fromEntries(
    ['period', 'global_period', 'emulator_period', 'iothread_period'].map((name) => [name, { text: PERIOD }]),
  ),
  vcpupin: { attributes: { vcpu: NUMBER, cpuset: /./ } },
  emulatorpin: { attributes: { cpuset: /./ } },
  iothreadpin: { attributes: { iothread: COUNT, cpuset: /./ } },
  vcpusched: { attributes: { vcpus: /./, ...SCHEDULER }, ...REAL_TIME },
  iothreadsched: { attributes: { iothreads: /./, ...SCHEDULER }, ...REAL_TIME },
  emulatorsched: { attributes: SCHEDULER, ...REAL_TIME },
  numatune: { children: ['memory', 'memnode'], dropEmpty: true },
  'numatune/memory': { attributes: { mode: NUMA_MODE, placement: ['static', 'auto'], nodeset: ANY } },
  memnode: { attributes: { cellid: NUMBER, mode: NUMA_MODE, nodeset: ANY } },
  os: {
    children: [
      ...['type', 'firmware', 'loader', 'nvram', 'kernel', 'initrd', 'cmdline', 'dtb', 'acpi', 'boot'],
      ...['bootmenu', 'bios', 'smbios'],
    ],
    open: true,
  },
  'os/type': { attributes: { arch: ANY, machine: ANY } },
  features: {
    children: [
      ...['acpi', 'apic', 'pae', 'hap', 'viridian', 'privnet', 'hyperv', 'kvm', 'pvspinlock', 'capabilities'],
      ...['pmu', 'vmport', 'gic', 'smm', 'ioapic', 'hpt', 'vmcoreinfo', 'htm', 'nested-hv', 'msrs', 'tcg'],
    ],
    dropEmpty: true,
  },
  hyperv: {
    attributes: { mode: ['custom', 'passthrough'] },
    children: [
      ...['relaxed', 'vapic', 'spinlocks', 'vpindex', 'runtime', 'synic', 'stimer', 'reset', 'vendor_id'],
      ...['frequencies', 'reenlightenment', 'tlbflush', 'ipi', 'evmcs', 'avic'],
    ],
  },
  ...Object.fromEntries(
    ['relaxed', 'vapic', 'vpindex', 'runtime', 'synic', 'reset', 'frequencies', 'reenlightenment']
      .concat(
        'tlbflush',
        'ipi',
        'evmcs',
        'avic',
        'direct',
        'hidden',
        'hint-dedicated',
        'poll-control',
        'pv-ipi',
      )
      .concat('pmu', 'vmport', 'pvspinlock')
      .map((name) => [name, state]),
  ),
  spinlocks: { attributes: { state: ON_OFF, retries: COUNT } },
  stimer: { attributes: { state: ON_OFF }, children: ['direct'] },
  vendor_id: { attributes: { state: ON_OFF, value: ANY } },
  kvm: { children: ['hidden', 'hint-dedicated', 'poll-control', 'pv-ipi', 'dirty-ring'] },
  'domain/cpu': {
    attributes: {
      mode: ['custom', 'host-model', 'host-passthrough', 'maximum'],
      match: ['minimum', 'exact', 'strict'],
      check: ['none', 'partial', 'full'],
      migratable: ON_OFF,
    },
    children: ['model', 'vendor', 'topology', 'cache', 'maxphysaddr', 'feature', 'numa'],
  },
  'cpu/topology': { attributes: { sockets: COUNT, dies: COUNT, cores: COUNT, threads: COUNT } },
  'cpu/cache': { attributes: { level: NUMBER, mode: ['emulate', 'passthrough', 'disable'] } },
  'cpu/feature': { attributes: { policy: ['force', 'require', 'optional', 'disable', 'forbid'], name: ANY } },
  'numa/cell': {
    attributes: {
      id: NUMBER,
      cpus: ANY,
      memory: NUMBER,
      unit: ANY,
      memAccess: ['shared', 'private'],
      discard: YES_NO,
    },
    children: ['distances', 'cache'],
  },
  sibling: { attributes: { id: NUMBER, value: COUNT } },
  timer: {
    attributes: {
      name: ['platform', 'pit', 'rtc', 'hpet', 'tsc', 'kvmclock', 'hypervclock', 'armvtimer'],
      present: YES_NO,
      tickpolicy: ['delay', 'catchup', 'merge', 'discard'],
      track: ['boot', 'guest', 'wall', 'realtime'],
      frequency: COUNT,
      mode: ['auto', 'native', 'emulate', 'paravirt', 'smpsafe'],
    },
    children: ['catchup'],
  },
  devices: {
    children: [
      ...['emulator', 'disk', 'controller', 'lease', 'filesystem', 'interface', 'smartcard', 'serial'],
      ...['parallel', 'console', 'channel', 'input', 'tpm', 'graphics', 'sound', 'audio', 'video', 'hostdev'],
      ...['redirdev', 'redirfilter', 'hub', 'watchdog', 'memballoon', 'rng', 'nvram', 'panic', 'shmem'],
      ...['memory', 'crypto', 'iommu', 'vsock'],
    ],
    open: true,
  },
  disk: {
    attributes: { type: ANY, device: ['disk', 'cdrom', 'floppy', 'lun'], model: ANY },
    children: [
      ...['driver', 'auth', 'source', 'backingStore', 'mirror', 'target', 'iotune', 'readonly', 'shareable'],
      ...['transient', 'serial', 'wwn', 'vendor', 'product', 'encryption', 'boot', 'alias', 'address'],
    ],
    open: true,
  },
  'disk/driver': {
    attributes: {
      ...{ name: ANY, type: ANY },
      cache: ['default', 'none', 'writethrough', 'writeback', 'directsync', 'unsafe'],
      error_policy: ['stop', 'report', 'ignore', 'enospace'],
      rerror_policy: ['stop', 'report', 'ignore'],
      io: ['native', 'threads', 'io_uring'],
      ...{ ioeventfd: ON_OFF, event_idx: ON_OFF, copy_on_read: ON_OFF },
      discard: ['unmap', 'ignore'],
      iothread: COUNT,
      detect_zeroes: ['off', 'on', 'unmap'],
      ...{ queues: COUNT, queue_size: COUNT },
      ...VIRTIO,
    },
    children: ['metadata_cache'],
  },
  'disk/target': { attributes: { dev: ANY, bus: ANY, tray: ANY, removable: ON_OFF, rotation_rate: COUNT } },
  iotune: {
    children: [
      ...IO_RATES,
      ...IO_RATES.map((rate) => `${rate}_max`),
      ...['size_iops_sec', 'group_name'],
      ...IO_RATES.map((rate) => `${rate}_max_length`),
    ],
    excludes: {
      total_bytes_sec: ['read_bytes_sec', 'write_bytes_sec'],
      total_iops_sec: ['read_iops_sec', 'write_iops_sec'],
    },
    dropEmpty: true,
  },
  interface: {
    children: [
      ...['mac', 'source', 'vlan', 'virtualport', 'bandwidth', 'ip', 'route', 'script', 'target', 'guest'],
      ...['model', 'driver', 'backend', 'filterref', 'tune', 'link', 'coalesce', 'mtu', 'port', 'boot'],
      ...['alias', 'address'],
    ],
    open: true,
  },
  'interface/driver': {
    attributes: {
      name: ['vhost', 'qemu', 'vfio'],
      txmode: ['iothread', 'timer'],
      ...{
        ioeventfd: ON_OFF,
        event_idx: ON_OFF,
        queues: COUNT,
        rx_queue_size: NUMBER,
        tx_queue_size: NUMBER,
      },
      ...{ rss: ON_OFF, rss_hash_report: ON_OFF },
      ...VIRTIO,
    },
    children: ['host', 'guest'],
    dropEmpty: true,
  },
  bandwidth: { children: ['inbound', 'outbound'] },
  inbound: { attributes: SPEED },
  outbound: { attributes: SPEED },
  controller: {
    attributes: { type: ANY, index: NUMBER, model: ANY },
    children: ['driver', 'model', 'target', 'alias', 'address'],
    open: true,
  },
  'controller/driver': {
    attributes: {
      ...{ queues: COUNT, cmd_per_lun: COUNT, max_sectors: COUNT, ioeventfd: ON_OFF, iothread: COUNT },
      ...VIRTIO,
    },
    dropEmpty: true,
  },
  memballoon: {
    attributes: {
      model: ['virtio', 'virtio-transitional', 'virtio-non-transitional', 'xen', 'none'],
      autodeflate: ON_OFF,
      freePageReporting: ON_OFF,
    },
    children: ['stats', 'alias', 'address', 'driver'],
  },
  stats: { attributes: { period: NUMBER } },
  address: {
    attributes: Object.fromEntries(
      [
        'type',
        'domain',
        'controller',
        'bus',
        'slot',
        'function',
        'target',
        'unit',
        'port',
        'multifunction',
      ].map((name) => [name, ANY]),
    ),
    open: true,
  },
  graphics: {
    attributes: {
      type: ANY,
      port: ANY,
      tlsPort: ANY,
      autoport: YES_NO,
      websocket: ANY,
      listen: ANY,
      passwd: ANY,
    },
    open: true,
  },
  seclabel: { attributes: { type: ANY, model: ANY, relabel: YES_NO }, open: true },
  ...Object.fromEntries(
    ['channel', 'serial', 'console', 'parallel', 'input', 'video', 'watchdog', 'rng', 'panic', 'hostdev'].map(
      (name): [string, Shape] => [
        name,
        { children: ['source', 'target', 'model', 'backend', 'driver', 'alias', 'address'], open: true },
      ],
    ),
  ),
};

export function shapeOf(parent: string, name: string): Shape | undefined {
  return SHAPES[`${parent}/${name}`] ?? SHAPES[name];
}
