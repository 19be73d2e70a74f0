import fc from 'fast-check';

/** Pieces of domain XML as people and tools write them, and as libvirt prints them. */
const PIECES: Readonly<Record<string, readonly string[]>> = {
  memory: [
    "<memory unit='GiB'>8</memory>",
    "<memory unit='KiB'>8388608</memory>\n  <currentMemory unit='KiB'>4194304</currentMemory>",
  ],
  memtune: ['', "<memtune>\n    <hard_limit unit='G'>16</hard_limit>\n  </memtune>"],
  blkiotune: [
    '',
    '<blkiotune>\n    <weight>500</weight>\n    <device><path>/dev/sda</path><weight>300</weight></device>\n  </blkiotune>',
  ],
  memoryBacking: [
    '',
    '<memoryBacking/>',
    '<memoryBacking><hugepages/><locked/></memoryBacking>',
    "<memoryBacking>\n    <hugepages>\n      <page size='2048' unit='KiB' nodeset='0'/>\n      <page size='1' unit='G' nodeset='1'/>\n    </hugepages>\n    <nosharepages/>\n    <source type='memfd'/>\n  </memoryBacking>",
  ],
  vcpu: [
    '<vcpu>4</vcpu>',
    "<vcpu placement='static' cpuset='0-7' current='2'>4</vcpu>",
    "<vcpu placement='auto'>4</vcpu>",
  ],
  iothreads: [
    '',
    '<iothreads>2</iothreads>',
    "<iothreads>4</iothreads>\n  <iothreadids>\n    <iothread id='7' thread_pool_max='8'/>\n    <iothread id='1'/>\n    <iothread id='2'/>\n    <iothread id='3'/>\n  </iothreadids>",
    "<iothreads>2</iothreads><iothreadids><iothread id='1'/><iothread id='2'><poll max='123' grow='4' shrink='5'/></iothread></iothreadids>",
  ],
  cputune: [
    '',
    '<cputune></cputune>',
    "<cputune>\n    <shares>512</shares>\n    <period>100000</period>\n    <quota>-1</quota>\n    <vcpupin vcpu='0' cpuset='1,0'/>\n    <emulatorpin cpuset='0-3,^2'/>\n    <vcpusched vcpus='0-2' scheduler='fifo' priority='1'/>\n    <vcpusched vcpus='3' scheduler='batch'/>\n  </cputune>",
    "<cputune><emulator_quota>0</emulator_quota><vcpusched scheduler='idle'/><emulatorsched scheduler='rr' priority='2'/><cachetune vcpus='0-1'><cache id='0' level='3' type='both' size='3' unit='MiB'/><monitor level='3' vcpus='0'/></cachetune><memorytune vcpus='2-3'><node id='0' bandwidth='60'/></memorytune></cputune>",
  ],
  numatune: [
    '',
    "<numatune>\n    <memory mode='strict' nodeset='0-1'/>\n    <memnode cellid='1' mode='preferred' nodeset='1'/>\n  </numatune>",
    "<numatune><memory mode='preferred' placement='auto'/></numatune>",
  ],
  features: [
    '',
    '<features><acpi/><apic/></features>',
    "<features>\n    <acpi/>\n    <hyperv mode='custom'>\n      <relaxed state='on'/>\n      <spinlocks state='on' retries='4096'/>\n      <stimer state='on'>\n        <direct state='off'/>\n      </stimer>\n    </hyperv>\n    <kvm>\n      <hidden state='on'/>\n    </kvm>\n    <pmu state='off'/>\n  </features>",
  ],
  cpu: [
    '',
    "<cpu mode='host-passthrough' check='none' migratable='on'/>",
    "<cpu mode='custom' match='exact' check='none'>\n    <model fallback='forbid'>qemu64</model>\n    <topology sockets='1' dies='1' cores='4' threads='1'/>\n    <feature policy='require' name='x2apic'/>\n    <numa>\n      <cell id='0' cpus='0-1' memory='4194304' unit='KiB'/>\n      <cell id='1' cpus='2-3' memory='4' unit='GiB' memAccess='shared'/>\n    </numa>\n  </cpu>",
  ],
  clock: [
    '',
    "<clock offset='utc'/>",
    "<clock offset='localtime'>\n    <timer name='rtc' tickpolicy='catchup' track='guest'/>\n    <timer name='hpet' present='no'/>\n  </clock>",
  ],
};

const DISKS = [
  "<disk type='file' device='disk'>\n      <source file='/a.img'/>\n      <target dev='vda' bus='virtio'/>\n    </disk>",
  "<disk type='block' device='disk'>\n      <driver name='qemu' type='raw' cache='none' io='native' iothread='1' queues='2'/>\n      <source dev='/dev/vg/b'/>\n      <target dev='vda' bus='virtio'/>\n      <iotune>\n        <total_bytes_sec>1000000</total_bytes_sec>\n        <total_bytes_sec_max>2000000</total_bytes_sec_max>\n        <group_name>g</group_name>\n      </iotune>\n    </disk>",
  "<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='default'><iothreads><iothread id='1'><queue id='0'/></iothread><iothread id='2'><queue id='1'/></iothread></iothreads></driver><source file='/c.qcow2'/><target dev='vda' bus='sata'/></disk>",
];
const STATISTICS = [
  "<statistic interval='60'/><statistic interval='1'/>",
  "<latency-histogram type='read'><bin start='0'/><bin start='7'/></latency-histogram>",
  "<statistic interval='5'/><latency-histogram><bin start='0'/><bin start='1000'/></latency-histogram>",
].map(
  (inside) =>
    `<disk type='file' device='disk'>\n      <driver name='qemu' type='raw'>\n        <statistics>${inside}</statistics>\n      </driver>\n      <source file='/d.img'/>\n      <target dev='vda' bus='virtio'/>\n    </disk>`,
);
const NICS = [
  "<interface type='network'>\n      <mac address='52:54:00:aa:bb:cc'/>\n      <source network='default'/>\n    </interface>",
  "<interface type='bridge'>\n      <mac address='52:54:00:aa:bb:cc'/>\n      <source bridge='br0'/>\n      <bandwidth>\n        <inbound average='1000' peak='2000' floor='200'/>\n      </bandwidth>\n      <target dev='vnet3'/>\n      <model type='virtio'/>\n      <driver name='vhost' queues='2' rx_queue_size='512'>\n        <host csum='off'/>\n      </driver>\n    </interface>",
];
const CONTROLLERS = [
  "<controller type='scsi' index='0' model='virtio-scsi'/>",
  "<controller type='scsi' index='0' model='virtio-scsi'>\n      <driver queues='4' iothread='1'/>\n      <address type='pci' domain='0x0000' bus='0x00' slot='0x06' function='0x0'/>\n    </controller>",
  "<controller type='usb' index='0'/><controller type='scsi' index='0' model='virtio-scsi'><driver queues='2'><iothreads><iothread id='1'/><iothread id='2'/></iothreads></driver></controller>",
];
const BALLOONS = [
  '',
  "<memballoon model='virtio'/>",
  "<memballoon model='virtio' autodeflate='on'>\n      <stats period='5'/>\n      <address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/>\n    </memballoon>",
];

function assemble(
  pieces: Readonly<Record<string, string>>,
  devices: readonly string[],
  compact: boolean,
): string {
  const break_ = (indent: string): string => (compact ? '' : `\n${indent}`);
  const said = Object.values(pieces).filter((piece) => piece !== '');
  const inside = devices.filter((device) => device !== '');
  return [
    "<domain type='kvm'>",
    ...['<name>db01</name>', ...said].map((piece) => `${break_('  ')}${piece}`),
    `${break_('  ')}<devices>`,
    ...inside.map((device) => `${break_('    ')}${device}`),
    `${break_('  ')}</devices>${break_('')}</domain>`,
  ].join('');
}

/** XML of a domain with any of the pieces, indented or not. */
export const domainXml: fc.Arbitrary<string> = fc
  .record({
    pieces: fc.record(
      Object.fromEntries(
        Object.entries(PIECES).map(([name, choices]) => [name, fc.constantFrom(...choices)]),
      ),
    ),
    disk: fc.constantFrom(...DISKS, ...STATISTICS),
    nic: fc.constantFrom(...NICS),
    controller: fc.constantFrom(...CONTROLLERS),
    balloon: fc.constantFrom(...BALLOONS),
    compact: fc.boolean(),
  })
  .map(({ pieces, disk, nic, controller, balloon, compact }) =>
    assemble(pieces, [disk, controller, nic, balloon], compact),
  );

/** A target of each kind that some of the domains have. */
export const TARGETS = {
  domain: '',
  vcpu: '1',
  iothread: '1',
  disk: 'vda',
  controller: '0',
  nic: '52:54:00:aa:bb:cc',
  cell: '1',
} as const;
