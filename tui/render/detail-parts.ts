import { pinOf } from '../../advice/pins.ts';
import type { CpuSet } from '../../model/cpu-set.ts';
import { type Disk, ioThreadsOf } from '../../model/domain/disks.ts';
import type { MemoryDevice } from '../../model/domain/memory-devices.ts';
import { bytes, pageSize, percent } from '../../model/format.ts';
import { kibToBytes } from '../../model/units.ts';
import { versionText } from '../../model/versions.ts';
import { type Column, isNumeric, shown } from '../columns/column.ts';
import { diskColumns } from '../columns/disk-columns.ts';
import { nicColumns } from '../columns/nic-columns.ts';
import { disksOf, nicsOf } from '../model/devices.ts';
import type { HostView } from '../model/host-view.ts';
import { REASONS } from '../model/reasons.ts';
import { isRunning, type Vm } from '../model/vm.ts';
import { fit, shortened } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';
import { gauge } from './bar.ts';

const VCPU_STATES = ['offline', 'running', 'halted'];

/** Each vCPU: utilization, run queue delay, allowed and current CPUs. */
export function vcpuLines(vm: Vm, width: number): Line[] {
  const rates = vm.rates?.vcpus;
  if (rates === undefined || rates.size === 0) return [];
  const places = new Map(vm.sample.summary.places?.map(({ vcpu, cpu }) => [vcpu, cpu]));
  return [...rates].map(([id, { timeNs, delayNs, waitNs }]) => {
    const run = timeNs === undefined ? undefined : timeNs / 1e9;
    const delay = delayNs === undefined ? undefined : delayNs / 1e9;
    const pin = pinOf(vm.sample, id);
    const cpu = places.get(id);
    const state = VCPU_STATES[vm.stats?.vcpus.get(id)?.state ?? -1] ?? '';
    const cell = cpu === undefined ? undefined : vm.cellOf.get(cpu);
    return fitLine(
      [
        span(`  vCPU ${String(id).padEnd(3)} `, 'key'),
        ...gauge(run ?? 0, 16),
        span(run === undefined ? '     - ' : ` ${percent(run * 100).padStart(5)} %`),
        span(
          delay === undefined ? '' : `  steal ${percent(delay * 100)} %`,
          (delay ?? 0) > 0.05 ? 'bad' : 'dim',
        ),
        span(waitNs === undefined ? '' : `  wait ${percent(waitNs / 1e7)} %`, 'dim'),
        span(`  ${state.padEnd(7)}`, 'dim'),
        span(
          cpu === undefined || cpu < 0 ? '' : `  on CPU ${cpu}${cell === undefined ? '' : ` (cell ${cell})`}`,
        ),
        span(pin === undefined ? '  not pinned' : `  pinned to ${pin}`, 'dim'),
      ],
      width,
    );
  });
}

/** The disks or NICs of one VM, in the columns of their view. */
export function deviceLines(kind: 'disks' | 'nics', vm: Vm, width: number): Line[] {
  return kind === 'disks' ? table(diskColumns, disksOf(vm), width) : table(nicColumns, nicsOf(vm), width);
}

function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): Line[] {
  if (rows.length === 0) return [];
  const own = columns.filter(({ id }) => id !== 'host' && id !== 'name');
  let used = 2;
  const fitting = own.filter((column) => {
    used += column.width + 1;
    return used <= width;
  });
  const align = (column: Column<Row>): 'left' | 'right' => (isNumeric(column) ? 'right' : 'left');
  return [
    [
      span('  '),
      ...fitting.map((column) => span(`${fit(column.title, column.width, align(column))} `, 'dim')),
    ],
    ...rows.map((row) => [
      span('  '),
      ...fitting.map((column) => {
        const value = column.read(row);
        return value === undefined
          ? span(
              `${fit(REASONS[column.why?.(row) ?? 'not_reported'].short, column.width, align(column))} `,
              'missing',
            )
          : span(
              `${fit(shown(column, value, row), column.width, align(column))} `,
              column.role?.(value, row) ?? 'text',
            );
      }),
    ]),
  ];
}

/** Facts from its XML. */
export function factLines(vm: Vm, width: number): Line[] {
  const { facts } = vm;
  if (facts === undefined) return [[span(`  ${REASONS.no_xml.text}`, 'missing')]];
  const { cpu, features, memory, os } = facts;
  const said: readonly (readonly [string, string | undefined])[] = [
    ['title', facts.title],
    ['machine', [facts.type, os.arch, os.machine].filter((part) => part !== undefined).join(' ')],
    ['CPU', [cpu.mode, cpu.model].filter((part) => part !== undefined).join(' ') || undefined],
    [
      'topology',
      cpu.topology &&
        `${cpu.topology.sockets} sockets, ${cpu.topology.dies} dies, ${cpu.topology.cores} cores, ${cpu.topology.threads} threads`,
    ],
    ['guest cells', cpu.cells.length === 0 ? undefined : String(cpu.cells.length)],
    ['vCPU pins', pinsText(cpu.vcpuPins)],
    ['domain CPU set', cpu.cpuSet?.toString()],
    ['emulator pin', cpu.emulatorPin?.toString()],
    ['iothreads', cpu.ioThreads.length === 0 ? undefined : cpu.ioThreads.join(',')],
    ['iothread pins', pinsText(cpu.ioThreadPins)],
    ['memory cells', memory.numaNodeset && `${memory.numaNodeset} (${memory.numaMode})`],
    [
      'huge pages',
      memory.hugepages?.map((size) => (size === 'default' ? 'default size' : pageSize(size))).join(', '),
    ],
    [
      'memory is',
      [memory.locked ? 'locked' : '', memory.noSharePages ? 'not merged by KSM' : '']
        .filter(Boolean)
        .join(', ') || undefined,
    ],
    ['memory devices', memoryDevicesText(memory.devices ?? [])],
    ['memory backing', [features?.memorySource, features?.memoryAccess].filter(Boolean).join(', ')],
    ['launch security', features?.launchSecurity],
    ['TPM', features?.tpm],
    [
      'dirty ring',
      features?.dirtyRingSize === undefined ? undefined : `${features.dirtyRingSize} entries per vCPU`,
    ],
    ['balloon', `${memory.balloonModel ?? 'none'}, stats every ${memory.balloonPeriodSeconds ?? 0} s`],
    ['profile', facts.tuned && `${facts.tuned.profile ?? '?'}, applied ${facts.tuned.at ?? '?'}`],
    ['project', facts.nova?.projectName],
    ['flavor', facts.nova?.flavor],
    ...facts.disks.map((disk) => [`disk ${displayable(disk.target)}`, diskText(disk)] as const),
    ...[...facts.labels].map(([name, value]) => [name, value] as const),
  ];
  return said.flatMap(([name, value]) =>
    value === undefined || value === ''
      ? []
      : [fitLine([span(`  ${name.padEnd(16)} `, 'dim'), span(displayable(value))], width)],
  );
}

/** Driver options of a disk; those not in its XML are QEMU's defaults. */
function diskText(disk: Disk): string {
  const said = [
    disk.bus,
    disk.format,
    `cache=${disk.cache ?? 'default'}`,
    `io=${disk.io ?? 'default'}`,
    ioThreadsOf(disk).length === 0 ? 'no iothread' : `iothread=${ioThreadsOf(disk).join(',')}`,
    disk.queues === undefined ? undefined : `queues=${disk.queues}`,
    disk.discard === undefined ? undefined : `discard=${disk.discard}`,
    disk.backingDepth === 0 ? undefined : `${disk.backingDepth} backing images`,
    disk.source?.name,
  ];
  return said.filter((part) => part !== undefined).join('  ');
}

function pinsText(pins: ReadonlyMap<number, CpuSet>): string | undefined {
  if (pins.size === 0) return undefined;
  return [...pins].map(([id, cpus]) => `${id}:${cpus}`).join('  ');
}

/** Groups without figures, and why. */
export function missingLines(vm: Vm, host: HostView): Line[] {
  const lines: Line[] = [...vm.reasons]
    .filter(([, reason]) => reason !== 'none')
    .map(([group, reason]) => [span(`  ${group.padEnd(16)} `, 'dim'), span(REASONS[reason].text, 'missing')]);
  if (vm.sample.outcome.kind === 'error') {
    lines.push([
      span(`  libvirt says     ${shortened(displayable(vm.sample.outcome.error.message), 100)}`, 'bad'),
    ]);
  }
  const stats = vm.stats;
  const untold = [...(stats?.vcpus.values() ?? [])].some(({ delayNs }) => delayNs === undefined);
  if (isRunning(vm) && untold) {
    lines.push([
      span('  vCPU steal       ', 'dim'),
      span(`${libvirtText(host)} does not report it`, 'missing'),
    ]);
  }
  return lines;
}

/** `libvirt 9.0.0`. */
export function libvirtText({ sample }: HostView): string {
  const libvirt = sample?.versions?.libvirt;
  if (libvirt === undefined) return 'this libvirt';
  return `libvirt ${versionText(libvirt)}`;
}

/** `2 dimm 8.0 GiB, 1 virtio-mem 2.0 of 16 GiB`. */
function memoryDevicesText(devices: readonly MemoryDevice[]): string | undefined {
  const byModel = Map.groupBy(devices, ({ model }) => model);
  const size = (all: readonly MemoryDevice[], read: (device: MemoryDevice) => number): string =>
    bytes(kibToBytes(all.reduce((sum, device) => sum + read(device), 0)));
  const texts = [...byModel].map(([model, all]) => {
    const whole = size(all, ({ sizeKiB = 0 }) => sizeKiB);
    const isPartial = all.some(({ pluggedKiB }) => pluggedKiB !== undefined);
    const plugged = isPartial
      ? `${size(all, ({ pluggedKiB, sizeKiB = 0 }) => pluggedKiB ?? sizeKiB)} of `
      : '';
    return `${all.length} ${model} ${plugged}${whole}`;
  });
  return texts.join(', ') || undefined;
}
