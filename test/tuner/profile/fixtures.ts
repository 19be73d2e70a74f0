import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomain } from '../../../model/domain/domain.ts';
import { onlineCpus, parseCapabilities } from '../../../model/topology.ts';
import { parseXml } from '../../../model/xml.ts';
import type { DomainCapabilities } from '../../../tuner/facts/domain-capabilities.ts';
import type { DomainState, DomainView, HostFacts } from '../../../tuner/facts/facts.ts';
import type { LocalHost } from '../../../tuner/facts/local-host.ts';
import type { Assignment, PlacementRequest } from '../../../tuner/placement/types.ts';
import type { Entry, Profile } from '../../../tuner/profile/profile.ts';

/** Two cells of eight cores with two threads: CPU n and n + 16 share a core; pools of both sizes in each cell. */
function capabilitiesXml(): string {
  const cells = [0, 1].map((cell) => {
    const cpus = Array.from({ length: 16 }, (_, index) => {
      const core = cell * 8 + (index % 8);
      const id = core + (index < 8 ? 0 : 16);
      return `<cpu id='${id}' socket_id='${cell}' die_id='0' core_id='${index % 8}' siblings='${core},${core + 16}'/>`;
    });
    return `<cell id='${cell}'><memory unit='GiB'>128</memory>
      <pages unit='KiB' size='4'>0</pages><pages unit='KiB' size='2048'>8192</pages><pages unit='KiB' size='1048576'>32</pages>
      <cpus num='16'>${cpus.join('')}</cpus></cell>`;
  });
  return `<capabilities><host><cpu><arch>x86_64</arch></cpu>
    <topology><cells num='2'>${cells.join('')}</cells></topology></host></capabilities>`;
}

export function host(changes: Partial<HostFacts> = {}): HostFacts {
  const topology = parseCapabilities(capabilitiesXml());
  return {
    uri: 'qemu:///system',
    hostname: 'kvm1',
    libvirtVersion: 9_000_000,
    qemuVersion: 7_002_000,
    topology,
    online: onlineCpus(topology),
    cells: topology.cells.map(({ id, pages }) => ({
      id,
      freeKiB: 100 * 1024 ** 2,
      pages: pages.map((pool) => ({ ...pool, free: pool.total })),
    })),
    ksm: new Map(),
    local: undefined,
    ...changes,
  };
}

export interface GuestOptions {
  readonly type?: string;
  readonly vcpus?: number;
  readonly memoryMiB?: number;
  readonly bus?: string;
  /** Number of disks besides the first. */
  readonly disks?: number;
  /** Attributes of the first disk's driver. */
  readonly driver?: string;
  readonly nicModel?: string;
  readonly nicType?: string;
  /** Further elements of the domain. */
  readonly more?: string;
  readonly metadata?: string;
}

/** A database VM as created by virt-install, in libvirt's output format. */
export function guestXml(options: GuestOptions = {}): string {
  const { type = 'kvm', vcpus = 8, memoryMiB = 16_384, bus = 'virtio', disks = 1 } = options;
  const { driver = '', nicModel = 'virtio', nicType = 'network', more = '', metadata = '' } = options;
  const letters = Array.from({ length: disks + 1 }, (_, index) => String.fromCharCode(97 + index));
  const prefix = bus === 'virtio' ? 'vd' : 'sd';
  const diskXml = letters.map(
    (letter, index) => `    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'${index === 0 ? driver : ''}/>
      <source file='/var/lib/libvirt/images/db01-${letter}.img'/>
      <target dev='${prefix}${letter}' bus='${bus}'/>
    </disk>
`,
  );
  return `<domain type='${type}'>
  <name>db01</name>
  <uuid>11111111-2222-4333-8444-555555555555</uuid>
${metadata}  <memory unit='KiB'>${memoryMiB * 1024}</memory>
  <currentMemory unit='KiB'>${memoryMiB * 1024}</currentMemory>
  <vcpu placement='static'>${vcpus}</vcpu>
${more}  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <boot dev='hd'/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <cpu mode='host-passthrough' check='none' migratable='on'/>
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
${diskXml.join('')}    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <target dev='sdz' bus='sata'/>
      <readonly/>
    </disk>
    <interface type='${nicType}'>
      <mac address='52:54:00:11:22:33'/>
      <source network='default'/>
      <model type='${nicModel}'/>
    </interface>
    <memballoon model='virtio'>
      <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
    </memballoon>
  </devices>
</domain>
`;
}
export const NIC = '52:54:00:11:22:33';

const view = (xml: string): DomainView => ({
  xml,
  root: parseXml('the test', xml, 'domain'),
  facts: parseDomain(xml),
});

export function state(inactive: string, changes: Partial<DomainState> = {}): DomainState {
  const found = view(inactive);
  return {
    domain: { name: found.facts.name ?? '', uuid: found.facts.uuid ?? '', id: -1 },
    live: undefined,
    inactive: found,
    capabilities: undefined,
    ...changes,
  };
}
export const running = (xml: string): DomainState => state(xml, { live: view(xml) });

/** An assignment like a placement's: whole cores of cell 0 (or cell by cell), the emulator on the last ones. */
export function assignmentFor(request: PlacementRequest | undefined): Assignment | undefined {
  if (request === undefined) return undefined;
  const { guest } = request;
  if (request.kind === 'node') {
    const cpus = CpuSet.parse('1-7,17-23');
    return {
      guest,
      kind: 'node',
      cells: [0],
      memoryCells: [0],
      vcpus: Array.from({ length: request.vcpus }, () => cpus),
      emulator: cpus,
      ioThreads: cpus,
    };
  }
  const threads = request.threads === 'isolate' ? 1 : 2;
  const vcpus: CpuSet[] = [];
  request.cells.forEach((cell, id) => {
    [...cell.vcpus].forEach((vcpu, index) => {
      vcpus[vcpu] = CpuSet.of([id * 8 + 1 + Math.floor(index / threads) + (index % threads) * 16]);
    });
  });
  const own = (count: number, cpu: number): CpuSet => (count === 0 ? CpuSet.parse('0,16') : CpuSet.of([cpu]));
  return {
    guest,
    kind: 'dedicated',
    cells: request.cells.map((_, id) => id),
    memoryCells: request.cells.map((cell, id) => cell.memoryCell ?? id),
    vcpus,
    emulator: own(request.emulatorCpus, 7),
    ioThreads: own(request.ioThreadCpus, 23),
  };
}

/** A profile with these values, each for all of its targets. */
export function profileOf(values: Readonly<Record<string, unknown>>): Profile {
  const entries = Object.entries(values).map(([id, value]): [string, Entry[]] => [
    id,
    [{ value, why: 'it helps', source: 'a test' }],
  ]);
  return {
    name: 'test',
    title: 'test',
    description: '',
    lineage: ['test'],
    version: '0',
    knobs: new Map(entries),
    host: new Map(),
  };
}

/** The domain capabilities that libvirt reports for KVM on a new host. */
export function capabilities(): DomainCapabilities {
  const hyperv =
    'relaxed vapic spinlocks vpindex runtime synic stimer reset frequencies reenlightenment tlbflush ipi avic';
  return {
    vcpusMaximum: 288,
    ioThreads: true,
    cpuModes: new Set(['host-passthrough', 'maximum', 'host-model', 'custom']),
    diskBuses: new Set(['virtio', 'scsi', 'sata', 'usb', 'fdc']),
    hyperv: new Set(hyperv.split(' ')),
  };
}

/** A host on which virtune runs, and that reports nothing. */
export const LOCAL: LocalHost = {
  isolatedCpus: undefined,
  nohzFullCpus: undefined,
  caches: [],
  hugetlbfs: [],
  defaultPageKiB: undefined,
  cgroupVersion: undefined,
  cgroupControllers: new Set(),
  transparentHugepages: undefined,
  governors: undefined,
  idleLatencyUs: undefined,
  swappiness: undefined,
  numaBalancing: undefined,
  ksmRun: undefined,
  forbidden: [],
};
