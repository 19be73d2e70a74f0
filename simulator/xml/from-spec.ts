import { CpuSet } from '../../model/cpu-set.ts';
import type { VmSpec } from '../scenario.ts';
import { diskPath, macOf } from '../vm-facts.ts';
import { escapeXml } from './format.ts';
import { EMULATOR } from './machines.ts';

const NOVA = 'http://openstack.org/xmlns/libvirt/nova/1.1';
const KIB_PER_MIB = 1_024;

/** What a run adds to a description. */
export interface Run {
  readonly id: number;
  readonly nicName: (index: number) => string;
}

export interface Described {
  readonly spec: VmSpec;
  readonly uuid: string;
  readonly seed: number;
}

/**
 * A VM of a scenario as libvirt describes it, to the letter: what `normalise` would make of it, and `started` of a
 * running one. Written out, since thousands are asked for and few are ever changed.
 */
export function specXml({ spec, uuid, seed }: Described, run: Run | undefined): string {
  const memoryKiB = spec.memoryMiB * KIB_PER_MIB;
  const windows = spec.workload === 'windows';
  const slots = new Slots();
  const lines = [
    `<domain type='kvm'${run === undefined ? '' : ` id='${run.id}'`}>`,
    `  <name>${escapeXml(spec.name)}</name>`,
    `  <uuid>${uuid}</uuid>`,
    ...metadata(spec),
    `  <memory unit='KiB'>${memoryKiB}</memory>`,
    `  <currentMemory unit='KiB'>${memoryKiB}</currentMemory>`,
    ...hugepages(spec),
    `  <vcpu placement='static'>${spec.vcpus}</vcpu>`,
    ...(spec.ioThreads > 0 ? [`  <iothreads>${spec.ioThreads}</iothreads>`] : []),
    ...pins(spec),
    ...(spec.numaNode === undefined
      ? []
      : ['  <numatune>', `    <memory mode='strict' nodeset='${spec.numaNode}'/>`, '  </numatune>']),
    ...(run === undefined ? [] : PARTITION),
    '  <os>',
    "    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>",
    "    <boot dev='hd'/>",
    '  </os>',
    ...(windows ? WINDOWS : LINUX),
    '  <on_poweroff>destroy</on_poweroff>',
    '  <on_reboot>restart</on_reboot>',
    '  <on_crash>destroy</on_crash>',
    '  <devices>',
    `    <emulator>${EMULATOR}</emulator>`,
    ...disks(spec, slots, run !== undefined),
    ...controllers(spec, slots, run !== undefined),
    ...Array.from({ length: spec.nics }, (_, index) => nic(spec, seed, index, slots, run)).flat(),
    ...agentChannel(spec, run),
    ...others(spec, slots, run),
    '  </devices>',
    ...(run === undefined ? [] : SECLABEL),
    '</domain>',
  ];
  return `${lines.join('\n')}\n`;
}

/** Slots of the root bus, as devices ask for them. 0 and 1 are the bridge's and the video card's. */
class Slots {
  #next = 2;
  take(): string {
    const slot = (this.#next++).toString(16).padStart(2, '0');
    return `      <address type='pci' domain='0x0000' bus='0x00' slot='0x${slot}' function='0x0'/>`;
  }
}

const PARTITION = ['  <resource>', '    <partition>/machine</partition>', '  </resource>'];
export const SECLABEL = [
  "  <seclabel type='dynamic' model='dac' relabel='yes'>",
  '    <label>+64055:+64055</label>',
  '    <imagelabel>+64055:+64055</imagelabel>',
  '  </seclabel>',
];

/** What virt-install writes for each (virtinst, guest.py). */
const LINUX = [
  '  <features>',
  '    <acpi/>',
  '    <apic/>',
  '  </features>',
  "  <cpu mode='host-passthrough' check='none' migratable='on'/>",
  "  <clock offset='utc'>",
  "    <timer name='rtc' tickpolicy='catchup'/>",
  "    <timer name='pit' tickpolicy='delay'/>",
  "    <timer name='hpet' present='no'/>",
  '  </clock>',
];
const WINDOWS = [
  '  <features>',
  '    <acpi/>',
  '    <apic/>',
  "    <hyperv mode='custom'>",
  "      <relaxed state='on'/>",
  "      <vapic state='on'/>",
  "      <spinlocks state='on' retries='8191'/>",
  '    </hyperv>',
  '  </features>',
  "  <cpu mode='host-passthrough' check='none' migratable='on'/>",
  "  <clock offset='localtime'>",
  "    <timer name='rtc' tickpolicy='catchup'/>",
  "    <timer name='pit' tickpolicy='delay'/>",
  "    <timer name='hpet' present='no'/>",
  "    <timer name='hypervclock' present='yes'/>",
  '  </clock>',
];

function metadata({ name, project, vcpus, memoryMiB }: VmSpec): string[] {
  if (project === undefined) return [];
  // libxml2 writes what is in here, and leaves single quotes in text as they are.
  const text = (value: string): string =>
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [
    '  <metadata>',
    `    <nova:instance xmlns:nova="${NOVA}">`,
    `      <nova:name>${text(name)}</nova:name>`,
    `      <nova:flavor name="c${vcpus}.m${memoryMiB}"/>`,
    '      <nova:owner>',
    '        <nova:user uuid="8f0a5b1e">deploy</nova:user>',
    `        <nova:project uuid="c0ffee01">${text(project)}</nova:project>`,
    '      </nova:owner>',
    '      <nova:root type="image" uuid="0badcafe"/>',
    '    </nova:instance>',
    '  </metadata>',
  ];
}

function hugepages({ hugepagesKiB }: VmSpec): string[] {
  if (hugepagesKiB === undefined) return [];
  return [
    '  <memoryBacking>',
    '    <hugepages>',
    `      <page size='${hugepagesKiB}' unit='KiB'/>`,
    '    </hugepages>',
    '  </memoryBacking>',
  ];
}

function pins({ pins: lists }: VmSpec): string[] {
  if (lists === undefined || lists.length === 0) return [];
  return [
    '  <cputune>',
    ...lists.map((list, vcpu) => `    <vcpupin vcpu='${vcpu}' cpuset='${CpuSet.parse(list)}'/>`),
    '  </cputune>',
  ];
}

const alias = (live: boolean, name: string): string[] => (live ? [`      <alias name='${name}'/>`] : []);

function disks({ name, disks: list }: VmSpec, slots: Slots, live: boolean): string[] {
  return list.flatMap(({ target, format, cache, io, discard, ioThread }, index) => {
    const sata = target.startsWith('sd');
    const unit = target.charCodeAt(target.length - 1) - 97;
    const said = Object.entries({ name: 'qemu', type: format, cache, io, discard, iothread: ioThread });
    const driver = said.flatMap(([key, value]) => (value === undefined ? [] : ` ${key}='${value}'`)).join('');
    const path = escapeXml(diskPath(name, target, format));
    // Counted from the last, as libvirt does when it starts a domain.
    const source = live ? ` index='${list.length - index}'` : '';
    return [
      "    <disk type='file' device='disk'>",
      `      <driver${driver}/>`,
      `      <source file='${path}'${source}/>`,
      ...(live ? ['      <backingStore/>'] : []),
      `      <target dev='${target}' bus='${sata ? 'sata' : 'virtio'}'/>`,
      ...alias(live, sata ? `sata0-0-${unit}` : `virtio-disk${unit}`),
      sata ? `      <address type='drive' controller='0' bus='0' target='0' unit='${unit}'/>` : slots.take(),
      '    </disk>',
    ];
  });
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

/** Where QEMU's guest agent listens. */
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

/** Keyboard, console and balloon. */
function others(
  { balloonPeriodSeconds: period, vncPassword }: VmSpec,
  slots: Slots,
  run: Run | undefined,
): string[] {
  const live = run !== undefined;
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
    `    <graphics type='vnc' port='${live ? 5_900 + run.id : -1}' autoport='yes' listen='127.0.0.1'${secret}>`,
    "      <listen type='address' address='127.0.0.1'/>",
    '    </graphics>',
    "    <audio id='1' type='none'/>",
    '    <video>',
    "      <model type='virtio' heads='1' primary='yes'/>",
    ...alias(live, 'video0'),
    "      <address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>",
    '    </video>',
    "    <memballoon model='virtio'>",
    ...inBalloon,
    '    </memballoon>',
  ];
}
