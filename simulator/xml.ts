import { CpuSet } from '../model/cpu-set.ts';
import type { SimulatedHost } from './host.ts';
import { diskPath, nicName } from './stats.ts';
import type { SimulatedVm } from './vm.ts';

const NOVA = 'http://openstack.org/xmlns/libvirt/nova/1.1';

/** Text for an element or an attribute. */
export function escapeXml(text: string): string {
  return text.replaceAll(/[<>&'"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

const attributes = (pairs: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(pairs)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}='${escapeXml(String(value))}'`)
    .join('');

/** The domain's XML as libvirt would give it; a running one's has an id, aliases and host-side names. */
export function domainXml(vm: SimulatedVm, inactive: boolean): string {
  const live = vm.active && !inactive;
  const { spec } = vm;
  return `<domain type='kvm'${live ? ` id='${vm.id}'` : ''}>
  <name>${escapeXml(spec.name)}</name>
  <uuid>${vm.uuid}</uuid>
${metadata(vm)}  <memory unit='KiB'>${vm.maximumKiB}</memory>
  <currentMemory unit='KiB'>${vm.balloonKiB}</currentMemory>
${memoryBacking(vm)}  <vcpu placement='static'${vm.vcpuCurrent < spec.vcpus ? ` current='${vm.vcpuCurrent}'` : ''}>${spec.vcpus}</vcpu>
${ioThreads(vm)}${cpuTune(vm)}${numaTune(vm)}  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <cpu mode='host-passthrough'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
${spec.disks.map((_, index) => disk(vm, index, live)).join('')}${vm.nics.map((_, index) => nic(vm, index, live)).join('')}    <memballoon model='virtio'>${vm.balloonPeriodSeconds > 0 ? `<stats period='${vm.balloonPeriodSeconds}'/>` : ''}</memballoon>
  </devices>
</domain>
`;
}

function metadata(vm: SimulatedVm): string {
  const { project } = vm.spec;
  const own = [...vm.metadata.values()].join('');
  const nova =
    project === undefined
      ? ''
      : `<nova:instance xmlns:nova='${NOVA}'><nova:name>${escapeXml(vm.spec.name)}</nova:name><nova:flavor name='c${vm.spec.vcpus}.m${vm.spec.memoryMiB}'/><nova:owner><nova:user uuid='8f0a5b1e'>deploy</nova:user><nova:project uuid='c0ffee01'>${escapeXml(project)}</nova:project></nova:owner><nova:root type='image' uuid='0badcafe'/></nova:instance>`;
  return nova + own === '' ? '' : `  <metadata>${nova}${own}</metadata>\n`;
}

function memoryBacking({ spec }: SimulatedVm): string {
  return spec.hugepagesKiB === undefined
    ? ''
    : `  <memoryBacking><hugepages><page size='${spec.hugepagesKiB}' unit='KiB'/></hugepages></memoryBacking>\n`;
}

function ioThreads(vm: SimulatedVm): string {
  if (vm.ioThreads.size === 0) return '';
  const ids = [...vm.ioThreads].map((id) => `<iothread id='${id}'/>`).join('');
  return `  <iothreads>${vm.ioThreads.size}</iothreads>\n  <iothreadids>${ids}</iothreadids>\n`;
}

function cpuTune(vm: SimulatedVm): string {
  const lines = [
    ...[...vm.vcpuPins].map(([id, cpus]) => `<vcpupin vcpu='${id}' cpuset='${cpus}'/>`),
    ...(vm.emulatorPin === undefined ? [] : [`<emulatorpin cpuset='${vm.emulatorPin}'/>`]),
    ...[...vm.ioThreadPins].map(([id, cpus]) => `<iothreadpin iothread='${id}' cpuset='${cpus}'/>`),
  ];
  return lines.length === 0 ? '' : `  <cputune>${lines.join('')}</cputune>\n`;
}

function numaTune({ spec }: SimulatedVm): string {
  return spec.numaNode === undefined
    ? ''
    : `  <numatune><memory mode='strict' nodeset='${spec.numaNode}'/></numatune>\n`;
}

function disk(vm: SimulatedVm, index: number, live: boolean): string {
  const spec = vm.spec.disks[index];
  if (spec === undefined) return '';
  const driver = attributes({
    name: 'qemu',
    type: spec.format,
    cache: spec.cache,
    io: spec.io,
    iothread: spec.ioThread,
  });
  const path = escapeXml(diskPath(vm, spec.target, spec.format));
  const bus = spec.target.startsWith('sd') ? 'sata' : 'virtio';
  return `    <disk type='file' device='disk'><driver${driver}/><source file='${path}'/><target dev='${spec.target}' bus='${bus}'/>${live ? `<alias name='${bus}-disk${index}'/>` : ''}</disk>\n`;
}

function nic(vm: SimulatedVm, index: number, live: boolean): string {
  const mac = [0x52, 0x54, 0, vm.seed & 0xff, (vm.seed >> 8) & 0xff, index]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
  return `    <interface type='bridge'><mac address='${mac}'/><source bridge='br0'/>${live ? `<target dev='${nicName(vm, index)}'/>` : ''}<model type='virtio'/>${live ? `<alias name='net${index}'/>` : ''}</interface>\n`;
}

/** The host's capabilities: topology, distances, page pools and caches. */
export function capabilitiesXml(host: SimulatedHost): string {
  const cells = Array.from({ length: host.spec.sockets }, (_, id) => {
    const cpus = host.cpus.filter((cpu) => cpu.socket === id);
    const memoryKiB = host.memoryKiB / host.spec.sockets;
    const pools = [...(host.hugepages[id] ?? [])].map(
      ([sizeKiB, total]) => `<pages unit='KiB' size='${sizeKiB}'>${total}</pages>`,
    );
    const distances = Array.from(
      { length: host.spec.sockets },
      (_each, other) => `<sibling id='${other}' value='${other === id ? 10 : 21}'/>`,
    );
    const cpuLines = cpus.map(
      (cpu) =>
        `<cpu id='${cpu.id}' socket_id='${cpu.socket}' die_id='0' core_id='${cpu.core}' siblings='${cpu.siblings}'/>`,
    );
    return `<cell id='${id}'><memory unit='KiB'>${memoryKiB}</memory><pages unit='KiB' size='4'>${memoryKiB / 4}</pages>${pools.join('')}<distances>${distances.join('')}</distances><cpus num='${cpus.length}'>${cpuLines.join('')}</cpus></cell>`;
  });
  const banks = Array.from({ length: host.spec.sockets }, (_, id) => {
    const cpus = CpuSet.of(host.cpus.filter((cpu) => cpu.socket === id).map((cpu) => cpu.id));
    return `<bank id='${id}' level='3' type='both' size='36' unit='MiB' cpus='${cpus}'/>`;
  });
  return `<capabilities>
  <host>
    <uuid>${host.uuid}</uuid>
    <cpu><arch>x86_64</arch><model>Skylake-Server-IBRS</model><vendor>Intel</vendor></cpu>
    <topology><cells num='${cells.length}'>${cells.join('')}</cells></topology>
    <cache>${banks.join('')}</cache>
  </host>
  <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
</capabilities>
`;
}

export function domainCapabilitiesXml(host: SimulatedHost): string {
  return `<domainCapabilities>
  <path>/usr/bin/qemu-system-x86_64</path><domain>kvm</domain><machine>pc-q35-7.2</machine><arch>x86_64</arch>
  <vcpu max='${Math.max(288, host.cpus.length)}'/>
  <iothreads supported='yes'/>
  <devices><disk supported='yes'><enum name='bus'><value>virtio</value><value>scsi</value><value>sata</value></enum></disk></devices>
  <features><hyperv supported='yes'/></features>
</domainCapabilities>
`;
}
