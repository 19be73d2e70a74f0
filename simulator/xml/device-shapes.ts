import { ANY, COUNT, NUMBER, ON_OFF, type Shape, YES_NO } from './shape-words.ts';

const SPEED = { average: NUMBER, peak: NUMBER, floor: NUMBER, burst: NUMBER } as const;
const VIRTIO = { iommu: ON_OFF, ats: ON_OFF, packed: ON_OFF, page_per_vq: ON_OFF } as const;
const IO_RATES = ['bytes', 'iops'].flatMap((what) =>
  ['total', 'read', 'write'].map((way) => `${way}_${what}_sec`),
);

const LIMITS = [
  ...IO_RATES,
  ...IO_RATES.map((rate) => `${rate}_max`),
  ...['size_iops_sec', 'group_name'],
  ...IO_RATES.map((rate) => `${rate}_max_length`),
];

/** Shapes of devices and their elements. */
export const DEVICE_SHAPES: Readonly<Record<string, Shape>> = {
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
      ...[
        'driver',
        'auth',
        'source',
        'backingStore',
        'mirror',
        'target',
        'iotune',
        'throttlefilters',
        'readonly',
        'shareable',
      ],
      ...['transient', 'serial', 'wwn', 'vendor', 'product', 'encryption', 'boot', 'alias', 'address'],
    ],
    since: { throttlefilters: 'throttleGroups' },
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
    children: ['iothreads', 'statistics', 'metadata_cache'],
    since: { iothreads: 'diskQueueMapping', statistics: 'blockWindows' },
  },
  'driver/statistics': {
    children: ['statistic', 'latency-histogram'],
    since: { 'latency-histogram': 'blockLatency' },
  },
  statistic: { attributes: { interval: COUNT } },
  'latency-histogram': { attributes: { type: ['read', 'write', 'zone', 'flush'] }, children: ['bin'] },
  bin: { attributes: { start: NUMBER } },
  'devices/memory': {
    attributes: {
      model: ['dimm', 'nvdimm', 'virtio-pmem', 'virtio-mem', 'sgx-epc'],
      access: ['shared', 'private'],
      discard: YES_NO,
    },
    children: ['uuid', 'driver', 'source', 'target', 'alias', 'address'],
  },
  'memory/target': {
    attributes: { dynamicMemslots: YES_NO },
    children: ['size', 'node', 'block', 'requested', 'current', 'label', 'readonly', 'address'],
  },
  'disk/target': { attributes: { dev: ANY, bus: ANY, tray: ANY, removable: ON_OFF, rotation_rate: COUNT } },
  iotune: {
    children: LIMITS,
    excludes: {
      total_bytes_sec: ['read_bytes_sec', 'write_bytes_sec'],
      total_iops_sec: ['read_iops_sec', 'write_iops_sec'],
    },
    dropEmpty: true,
  },
  throttlegroups: { children: ['throttlegroup'], dropEmpty: true },
  throttlegroup: { children: LIMITS },
  throttlefilter: { attributes: { group: ANY } },
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
    children: ['iothreads'],
    since: { iothreads: 'scsiQueueMapping' },
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
