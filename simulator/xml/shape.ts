import { DEVICE_SHAPES } from './device-shapes.ts';
import { ANY, COUNT, NUMBER, ON_OFF, type Shape, YES_NO } from './shape-words.ts';

/** 1,000 to 1,000,000 µs */
const PERIOD = /^([1-9]\d{3,5}|1000000)$/;
const NUMA_MODE = /^(strict|preferred|interleave|restrictive)$/;
const SCHEDULER = { scheduler: ['batch', 'idle', 'fifo', 'rr'], priority: NUMBER } as const;
const REAL_TIME = { needs: ['scheduler', ['fifo', 'rr'], 'priority'] } as const;
const state: Shape = { attributes: { state: ON_OFF } };

/** By element name, or by parent and element name where a name has several meanings. */
const SHAPES: Readonly<Record<string, Shape>> = {
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
      ...[
        'defaultiothread',
        'throttlegroups',
        'cputune',
        'numatune',
        'resource',
        'sysinfo',
        'bootloader',
        'bootloader_args',
      ],
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
    since: { throttlegroups: 'throttleGroups' },
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
  'iothreadids/iothread': {
    attributes: { id: COUNT, thread_pool_min: NUMBER, thread_pool_max: NUMBER },
    children: ['poll'],
    since: { poll: 'storedIoThreadPolling' },
  },
  'iothread/poll': {
    attributes: { max: NUMBER, grow: NUMBER, shrink: NUMBER, weight: NUMBER },
    since: { weight: 'pollWeight' },
    dropEmpty: true,
  },
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
  'cpu/topology': {
    attributes: { sockets: COUNT, dies: COUNT, clusters: COUNT, cores: COUNT, threads: COUNT },
    since: { clusters: 'cpuClusters' },
  },
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
  ...DEVICE_SHAPES,
};

export function shapeOf(parent: string, name: string): Shape | undefined {
  return SHAPES[`${parent}/${name}`] ?? SHAPES[name];
}
