import { knows, type Release } from '../release.ts';
import type { VmSpec } from '../scenario.ts';
import { diskPath, macOf, memoryOf } from '../vm-facts.ts';
import { escapeXml } from './format.ts';

/** Values that a run adds to a description. */
export interface Run {
  readonly id: number;
  readonly nicName: (index: number) => string;
}

/** The device lines of a scenario's VM; with a run, those of the live XML. */
export function deviceLines(
  { spec, seed, release }: { readonly spec: VmSpec; readonly seed: number; readonly release: Release },
  run: Run | undefined,
): string[] {
  const slots = new Slots();
  return [
    ...disks(spec, slots, run !== undefined, release),
    ...controllers(spec, slots, run !== undefined),
    ...Array.from({ length: spec.nics }, (_, index) => nic(spec, seed, index, slots, run)).flat(),
    ...agentChannel(spec, run),
    ...others(spec, slots, run, release),
  ];
}

/** Slots of the root bus, assigned in order. 0 and 1 are the bridge and the video card. */
class Slots {
  #next = 2;
  take(): string {
    const slot = (this.#next++).toString(16).padStart(2, '0');
    return `      <address type='pci' domain='0x0000' bus='0x00' slot='0x${slot}' function='0x0'/>`;
  }
}

const alias = (live: boolean, name: string): string[] => (live ? [`      <alias name='${name}'/>`] : []);

function disks({ name, disks: list }: VmSpec, slots: Slots, live: boolean, release: Release): string[] {
  return list.flatMap((disk, index) => {
    const { target, format, cache, io, discard, ioThread } = disk;
    const sata = target.startsWith('sd');
    const unit = target.charCodeAt(target.length - 1) - 97;
    const said = Object.entries({ name: 'qemu', type: format, cache, io, discard, iothread: ioThread });
    const driver = said.flatMap(([key, value]) => (value === undefined ? [] : ` ${key}='${value}'`)).join('');
    const path = escapeXml(diskPath(name, target, format));
    // Counted from the last, as libvirt does when a domain starts.
    const source = live ? ` index='${list.length - index}'` : '';
    return [
      "    <disk type='file' device='disk'>",
      ...driverLines(driver, statisticsLines(disk, release)),
      `      <source file='${path}'${source}/>`,
      ...(live ? backingChain(disk.backingImages, path) : []),
      `      <target dev='${target}' bus='${sata ? 'sata' : 'virtio'}'/>`,
      ...alias(live, sata ? `sata0-0-${unit}` : `virtio-disk${unit}`),
      sata ? `      <address type='drive' controller='0' bus='0' target='0' unit='${unit}'/>` : slots.take(),
      '    </disk>',
    ];
  });
}

/** Nested backing images, as in a running domain's XML; the last has none. */
function backingChain(images: number, path: string): string[] {
  return [
    ...Array.from({ length: images }, (_, index) => [
      "      <backingStore type='file'>",
      "        <format type='qcow2'/>",
      `        <source file='${path}.${images - index}'/>`,
    ]).flat(),
    '      <backingStore/>',
    ...Array.from({ length: images }, () => '      </backingStore>'),
  ];
}

const driverLines = (attributes: string, inner: readonly string[]): string[] =>
  inner.length === 0
    ? [`      <driver${attributes}/>`]
    : [`      <driver${attributes}>`, ...inner, '      </driver>'];

function statisticsLines(
  { windowsSeconds, latencyBinsNs }: VmSpec['disks'][number],
  release: Release,
): string[] {
  if (windowsSeconds === undefined || !knows(release, 'blockWindows')) return [];
  const bins = knows(release, 'blockLatency') ? (latencyBinsNs ?? []) : [];
  return [
    '        <statistics>',
    ...windowsSeconds.map((seconds) => `          <statistic interval='${seconds}'/>`),
    ...(bins.length === 0
      ? []
      : [
          '          <latency-histogram>',
          ...bins.map((start) => `            <bin start='${start}'/>`),
          '          </latency-histogram>',
        ]),
    '        </statistics>',
  ];
}

function controllers({ agent }: VmSpec, slots: Slots, live: boolean): string[] {
  return [
    "    <controller type='usb' index='0' model='qemu-xhci'>",
    ...alias(live, 'usb'),
    slots.take(),
    '    </controller>',
    "    <controller type='sata' index='0'>",
    ...alias(live, 'ide'),
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x1f' function='0x2'/>",
    '    </controller>',
    ...(live
      ? [
          "    <controller type='pci' index='0' model='pcie-root'>",
          ...alias(live, 'pcie.0'),
          '    </controller>',
        ]
      : ["    <controller type='pci' index='0' model='pcie-root'/>"]),
    ...(agent
      ? [
          "    <controller type='virtio-serial' index='0'>",
          ...alias(live, 'virtio-serial0'),
          slots.take(),
          '    </controller>',
        ]
      : []),
  ];
}

/** The channel of the QEMU guest agent. */
function agentChannel({ agent, name }: VmSpec, run: Run | undefined): string[] {
  if (!agent) return [];
  const path = escapeXml(
    `/var/lib/libvirt/qemu/channel/target/domain-${run?.id}-${name}/org.qemu.guest_agent.0`,
  );
  return [
    "    <channel type='unix'>",
    ...(run === undefined ? [] : [`      <source mode='bind' path='${path}'/>`]),
    `      <target type='virtio' name='org.qemu.guest_agent.0'${run === undefined ? '' : " state='connected'"}/>`,
    ...alias(run !== undefined, 'channel0'),
    "      <address type='virtio-serial' controller='0' bus='0' port='1'/>",
    '    </channel>',
  ];
}

function nic(spec: VmSpec, seed: number, index: number, slots: Slots, run: Run | undefined): string[] {
  return [
    "    <interface type='bridge'>",
    `      <mac address='${macOf(seed, index)}'/>`,
    "      <source bridge='br0'/>",
    ...(run === undefined ? [] : [`      <target dev='${run.nicName(index)}'/>`]),
    `      <model type='${spec.nicModel}'/>`,
    ...alias(run !== undefined, `net${index}`),
    slots.take(),
    '    </interface>',
  ];
}

/** Keyboard, TPM, console, balloon and plugged memory. */
function others(spec: VmSpec, slots: Slots, run: Run | undefined, release: Release): string[] {
  const { balloonPeriodSeconds: period, vncPassword } = spec;
  const live = run !== undefined;
  const video = knows(release, 'namesVideoDevice') ? " device='virtio-vga'" : '';
  const watchdog = live
    ? ["    <watchdog model='itco' action='reset'>", ...alias(true, 'watchdog0'), '    </watchdog>']
    : ["    <watchdog model='itco' action='reset'/>"];
  const input = (type: string, index: number): string[] =>
    live
      ? [`    <input type='${type}' bus='ps2'>`, ...alias(live, `input${index}`), '    </input>']
      : [`    <input type='${type}' bus='ps2'/>`];
  const inBalloon = [
    ...(period > 0 ? [`      <stats period='${period}'/>`] : []),
    ...alias(live, 'balloon0'),
    slots.take(),
  ];
  const secret = vncPassword === undefined ? '' : ` passwd='${escapeXml(vncPassword)}'`;
  return [
    ...input('mouse', 0),
    ...input('keyboard', 1),
    ...tpm(spec, live),
    `    <graphics type='vnc' port='${live ? 5_900 + run.id : -1}' autoport='yes' listen='127.0.0.1'${secret}>`,
    "      <listen type='address' address='127.0.0.1'/>",
    '    </graphics>',
    "    <audio id='1' type='none'/>",
    '    <video>',
    `      <model type='virtio' heads='1' primary='yes'${video}/>`,
    ...alias(live, 'video0'),
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>",
    '    </video>',
    ...(knows(release, 'chipsetWatchdog') ? watchdog : []),
    "    <memballoon model='virtio'>",
    ...inBalloon,
    '    </memballoon>',
    ...memoryDevice(spec, slots, live),
  ];
}

function tpm({ tpm: has }: VmSpec, live: boolean): string[] {
  if (!has) return [];
  return [
    "    <tpm model='tpm-crb'>",
    "      <backend type='emulator' version='2.0'/>",
    ...alias(live, 'tpm0'),
    '    </tpm>',
  ];
}

/** The guest has plugged the requested memory. */
function memoryDevice(spec: VmSpec, slots: Slots, live: boolean): string[] {
  if (spec.virtioMem === undefined) return [];
  const { deviceKiB, pluggedKiB } = memoryOf(spec);
  return [
    "    <memory model='virtio-mem'>",
    '      <target>',
    `        <size unit='KiB'>${deviceKiB}</size>`,
    '        <node>0</node>',
    "        <block unit='KiB'>2048</block>",
    `        <requested unit='KiB'>${pluggedKiB}</requested>`,
    ...(live ? [`        <current unit='KiB'>${pluggedKiB}</current>`] : []),
    '      </target>',
    ...alias(live, 'virtiomem0'),
    slots.take(),
    '    </memory>',
  ];
}
