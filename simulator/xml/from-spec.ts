import { CpuSet } from '../../model/cpu-set.ts';
import type { Release } from '../release.ts';
import type { VmSpec } from '../scenario.ts';
import { memoryOf } from '../vm-facts.ts';
import { escapeXml } from './format.ts';
import { EMULATOR, machineNamed } from './machines.ts';
import { deviceLines, type Run } from './spec-devices.ts';

const NOVA = 'http://openstack.org/xmlns/libvirt/nova/1.1';

export interface Described {
  readonly spec: VmSpec;
  readonly uuid: string;
  readonly seed: number;
  readonly release: Release;
}

/**
 * The XML of a scenario's VM, exactly as libvirt prints it: the result of `normalise`, and of `started` for a running
 * VM. Generated directly, since thousands are requested and few are ever changed.
 */
export function specXml({ spec, uuid, seed, release }: Described, run: Run | undefined): string {
  const { maximumKiB, currentKiB, cellKiB } = memoryOf(spec);
  const windows = spec.workload === 'windows';
  const lines = [
    `<domain type='kvm'${run === undefined ? '' : ` id='${run.id}'`}>`,
    `  <name>${escapeXml(spec.name)}</name>`,
    `  <uuid>${uuid}</uuid>`,
    ...metadata(spec),
    ...(spec.virtioMem === undefined
      ? []
      : [`  <maxMemory slots='16' unit='KiB'>${2 * maximumKiB}</maxMemory>`]),
    `  <memory unit='KiB'>${maximumKiB}</memory>`,
    `  <currentMemory unit='KiB'>${currentKiB}</currentMemory>`,
    ...memoryBacking(spec),
    `  <vcpu placement='static'>${spec.vcpus}</vcpu>`,
    ...(spec.ioThreads > 0 ? [`  <iothreads>${spec.ioThreads}</iothreads>`] : []),
    ...cpuTune(spec),
    ...(spec.numaNode === undefined
      ? []
      : ['  <numatune>', `    <memory mode='strict' nodeset='${spec.numaNode}'/>`, '  </numatune>']),
    ...(run === undefined ? [] : PARTITION),
    '  <os>',
    `    <type arch='x86_64' machine='${machineNamed(release, 'q35')?.name}'>hvm</type>`,
    "    <boot dev='hd'/>",
    '  </os>',
    ...(windows ? WINDOWS : LINUX).flatMap((line) =>
      line === CPU && spec.virtioMem !== undefined ? cpuWithCell(spec.vcpus, cellKiB) : line,
    ),
    '  <on_poweroff>destroy</on_poweroff>',
    '  <on_reboot>restart</on_reboot>',
    '  <on_crash>destroy</on_crash>',
    '  <devices>',
    `    <emulator>${EMULATOR}</emulator>`,
    ...deviceLines({ spec, seed, release }, run),
    '  </devices>',
    ...(run === undefined ? [] : SECLABEL),
    '</domain>',
  ];
  return `${lines.join('\n')}\n`;
}

const PARTITION = ['  <resource>', '    <partition>/machine</partition>', '  </resource>'];
export const SECLABEL = [
  "  <seclabel type='dynamic' model='dac' relabel='yes'>",
  '    <label>+64055:+64055</label>',
  '    <imagelabel>+64055:+64055</imagelabel>',
  '  </seclabel>',
];

const CPU = "  <cpu mode='host-passthrough' check='none' migratable='on'/>";

/** Memory hotplug requires a guest cell. */
const cpuWithCell = (vcpus: number, memoryKiB: number): string[] => [
  CPU.replace('/>', '>'),
  '    <numa>',
  `      <cell id='0' cpus='${vcpus === 1 ? 0 : `0-${vcpus - 1}`}' memory='${memoryKiB}' unit='KiB'/>`,
  '    </numa>',
  '  </cpu>',
];

/** What virt-install writes for each guest type (virtinst, guest.py). */
const LINUX = [
  '  <features>',
  '    <acpi/>',
  '    <apic/>',
  '  </features>',
  CPU,
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
  CPU,
  "  <clock offset='localtime'>",
  "    <timer name='rtc' tickpolicy='catchup'/>",
  "    <timer name='pit' tickpolicy='delay'/>",
  "    <timer name='hpet' present='no'/>",
  "    <timer name='hypervclock' present='yes'/>",
  '  </clock>',
];

function metadata({ name, project, vcpus, memoryMiB }: VmSpec): string[] {
  if (project === undefined) return [];
  // Printed by libxml2, which does not escape single quotes in text.
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

function memoryBacking({ hugepagesKiB, sharedMemory }: VmSpec): string[] {
  if (hugepagesKiB === undefined && !sharedMemory) return [];
  return [
    '  <memoryBacking>',
    ...(hugepagesKiB === undefined
      ? []
      : ['    <hugepages>', `      <page size='${hugepagesKiB}' unit='KiB'/>`, '    </hugepages>']),
    ...(sharedMemory ? ["    <source type='memfd'/>", "    <access mode='shared'/>"] : []),
    '  </memoryBacking>',
  ];
}

/** libvirt's default period. */
const PERIOD_US = 100_000;

function cpuTune({ pins: lists = [], vcpuQuota }: VmSpec): string[] {
  if (lists.length === 0 && vcpuQuota === undefined) return [];
  return [
    '  <cputune>',
    ...(vcpuQuota === undefined ? [] : [`    <quota>${Math.round(vcpuQuota * PERIOD_US)}</quota>`]),
    ...lists.map((list, vcpu) => `    <vcpupin vcpu='${vcpu}' cpuset='${CpuSet.parse(list)}'/>`),
    '  </cputune>',
  ];
}
