import { expect, test } from 'vitest';
import type { HostFacts } from '../../../tuner/facts/facts.ts';
import { guestXml, host, NIC, profileOf, state } from './fixtures.ts';
import { problemsOf, wishesOf } from './wishes.ts';

const LIMITED = "  <memtune><hard_limit unit='GiB'>18</hard_limit></memtune>\n";
const SWAP_LIMITED = LIMITED.replace(
  '</hard_limit>',
  "</hard_limit><swap_hard_limit unit='GiB'>20</swap_hard_limit>",
);

/** Each bad input: a profile, a guest, a host, and the expected objection. */
const BAD: readonly [
  what: string,
  values: Readonly<Record<string, unknown>>,
  guest: string,
  problems: Readonly<Record<string, string>>,
  on?: Partial<HostFacts>,
][] = [
  [
    'native I/O through the cache',
    { 'disk.cache': 'writeback', 'disk.io': 'native' },
    guestXml(),
    { 'disk.io vda': 'IO_NEEDS_DIRECT', 'disk.io vdb': 'IO_NEEDS_DIRECT' },
  ],
  [
    'native I/O with an unset cache mode',
    { 'disk.io': 'native' },
    guestXml({ disks: 0 }),
    { 'disk.io vda': 'IO_NEEDS_DIRECT' },
  ],
  [
    'a cache that native I/O, which stays, does not bear',
    { 'disk.cache': 'writeback' },
    guestXml({ disks: 0, driver: " cache='none' io='native'" }),
    { 'disk.cache vda': 'IO_NEEDS_DIRECT' },
  ],
  [
    'queues on SATA',
    { 'disk.queues': 2 },
    guestXml({ bus: 'sata', disks: 0 }),
    { 'disk.queues sda': 'BUS_NOT_VIRTIO' },
  ],
  [
    'an iothread on SATA',
    { 'iothread.count': 1, 'disk.iothread': 'spread' },
    guestXml({ bus: 'sata', disks: 0 }),
    { 'disk.iothread sda': 'BUS_NOT_VIRTIO' },
  ],
  [
    'more queues than vCPUs',
    { 'disk.queues': 16, 'nic.queues': 16 },
    guestXml({ disks: 0 }),
    { 'disk.queues vda': 'QUEUES_EXCEED_VCPUS', [`nic.queues ${NIC}`]: 'QUEUES_EXCEED_VCPUS' },
  ],
  [
    'an iothread that is not there',
    { 'disk.iothread': 'mapped' },
    guestXml({ disks: 0, more: '  <iothreads>2</iothreads>\n' }),
    { 'disk.iothreads vda': 'LIBVIRT_TOO_OLD' },
  ],
  [
    'more mapped iothreads than queues',
    { 'iothread.count': 4, 'disk.iothread': 'mapped', 'disk.queues': 2 },
    guestXml({ disks: 0 }),
    { 'disk.iothreads vda': 'IOTHREADS_EXCEED_QUEUES' },
    { libvirtVersion: 10_000_000, qemuVersion: 9_000_000 },
  ],
  [
    'I/O of a disk that QEMU reaches over the network',
    { 'disk.io': 'threads' },
    guestXml({ disks: 0 }).replace(
      /<disk type='file' device='disk'>([\s\S]*?)<source [^>]*\/>/,
      "<disk type='network' device='disk'>$1<source protocol='rbd' name='p/i'/>",
    ),
    { 'disk.io vda': 'IO_OF_ITS_OWN' },
  ],
  [
    'io_uring on an old libvirt',
    { 'disk.io': 'io_uring' },
    guestXml({ disks: 0 }),
    { 'disk.io vda': 'LIBVIRT_TOO_OLD' },
    { libvirtVersion: 6_002_000 },
  ],
  [
    'io_uring on an old QEMU',
    { 'disk.io': 'io_uring' },
    guestXml({ disks: 0 }),
    { 'disk.io vda': 'QEMU_TOO_OLD' },
    { qemuVersion: 4_002_001 },
  ],
  [
    'zeroes discarded and discards ignored',
    { 'disk.discard': 'ignore', 'disk.detectZeroes': 'unmap' },
    guestXml({ disks: 0 }),
    { 'disk.detectZeroes vda': 'ZEROES_NEED_DISCARD' },
  ],
  [
    'limits of the total and of reads',
    { 'disk.iotune.totalIopsSec': 1000, 'disk.iotune.readIopsSec': 500 },
    guestXml({ disks: 0 }),
    { 'disk.iotune.totalIopsSec vda': 'IOTUNE_TOTAL_AND_PARTS' },
  ],
  [
    'a burst below its limit',
    { 'disk.iotune.totalBytesSec': 1000, 'disk.iotune.totalBytesSecMax': 500 },
    guestXml({ disks: 0 }),
    { 'disk.iotune.totalBytesSecMax vda': 'IOTUNE_BURST' },
  ],
  [
    'a burst without a limit',
    { 'disk.iotune.readBytesSecMax': 500, 'disk.iotune.readBytesSecMaxLength': 5 },
    guestXml({ disks: 0 }),
    {
      'disk.iotune.readBytesSecMax vda': 'IOTUNE_BURST',
      'disk.iotune.readBytesSecMaxLength vda': 'IOTUNE_BURST',
    },
  ],
  [
    'a group that shares nothing',
    { 'disk.iotune.group': 'a' },
    guestXml({ disks: 0 }),
    { 'disk.iotune.group vda': 'IOTUNE_GROUP_ALONE' },
  ],
  [
    'a size of requests that have no limit',
    { 'disk.iotune.sizeIopsSec': 4096, 'disk.iotune.totalBytesSec': 1000 },
    guestXml({ disks: 0 }),
    { 'disk.iotune.sizeIopsSec vda': 'IOTUNE_SIZE_ALONE' },
  ],
  [
    'a size of requests whose last limit goes',
    { 'disk.iotune.readIopsSec': 'default' },
    guestXml({ disks: 0 }).replace(
      "<target dev='vda'",
      "<iotune><read_iops_sec>500</read_iops_sec><size_iops_sec>4096</size_iops_sec></iotune><target dev='vda'",
    ),
    { 'disk.iotune.readIopsSec vda': 'IOTUNE_SIZE_ALONE' },
  ],
  [
    'a transmit ring of a TAP device',
    { 'nic.txQueueSize': 512 },
    guestXml(),
    { [`nic.txQueueSize ${NIC}`]: 'TX_RING_VHOSTUSER' },
  ],
  [
    'rings of an e1000e',
    { 'nic.rxQueueSize': 512 },
    guestXml({ nicModel: 'e1000e' }),
    { [`nic.rxQueueSize ${NIC}`]: 'NIC_NOT_VIRTIO' },
  ],
  [
    'queues of a card with user networking',
    { 'nic.queues': 4 },
    guestXml({ nicType: 'user' }),
    { [`nic.queues ${NIC}`]: 'NIC_TYPE' },
  ],
  [
    'queues of a card that the guest drives itself',
    { 'nic.queues': 4 },
    guestXml({ nicType: 'hostdev' }),
    { [`nic.queues ${NIC}`]: 'NIC_PASSTHROUGH' },
  ],
  [
    'limits of user networking',
    { 'nic.bandwidth.inbound': 'average=1000' },
    guestXml({ nicType: 'user' }),
    { [`nic.bandwidth.inbound ${NIC}`]: 'NIC_TYPE' },
  ],
  ['odd RAM', { 'memory.pages': '2 MiB' }, guestXml({ memoryMiB: 1025 }), { hugepages: 'PAGES_NOT_WHOLE' }],
  [
    'pages that the host does not have',
    { 'memory.pages': '16 MiB' },
    guestXml(),
    { hugepages: 'NO_SUCH_PAGES' },
  ],
  [
    'hugepages on demand',
    { 'memory.pages': '2 MiB', 'memory.allocation': 'ondemand' },
    guestXml(),
    { hugepages: 'PAGES_ON_DEMAND' },
  ],
  [
    'hugepages of anonymous memory',
    { 'memory.pages': '2 MiB' },
    guestXml({ more: "  <memoryBacking><source type='anonymous'/></memoryBacking>\n" }),
    { hugepages: 'PAGES_ANONYMOUS' },
  ],
  ['locked memory without a limit', { 'memory.locked': true }, guestXml(), { locked: 'LOCKED_NEEDS_LIMIT' }],
  [
    'locked memory with a limit that is too low',
    { 'memory.locked': true, 'memory.hardLimit': '1 GiB' },
    guestXml(),
    { 'memtune.hardLimit': 'LIMIT_BELOW_MEMORY', locked: 'LOCKED_NEEDS_LIMIT' },
  ],
  [
    'swap below memory',
    { 'memory.hardLimit': '32 GiB', 'memory.swapHardLimit': '20 GiB' },
    guestXml(),
    { 'memtune.swapHardLimit': 'SWAP_LIMIT_BELOW_LIMIT' },
  ],
  [
    'a limit of memory and swap without one of memory',
    { 'memory.swapHardLimit': '40 GiB' },
    guestXml(),
    { 'memtune.swapHardLimit': 'SWAP_LIMIT_NEEDS_LIMIT' },
  ],
  [
    'a limit of memory that goes while one of memory and swap stays',
    { 'memory.hardLimit': 'default' },
    guestXml({ more: SWAP_LIMITED }),
    { 'memtune.hardLimit': 'SWAP_LIMIT_NEEDS_LIMIT' },
  ],
  [
    'no limit of memory to go beside one of memory and swap',
    { 'memory.hardLimit': 'default' },
    guestXml({ more: "  <memtune><swap_hard_limit unit='GiB'>40</swap_hard_limit></memtune>\n" }),
    {},
  ],
  [
    'no limit of memory to go where memory is locked',
    { 'memory.hardLimit': 'default' },
    guestXml({ more: '  <memoryBacking><locked/></memoryBacking>\n' }),
    {},
  ],
  [
    'both limits going at once',
    { 'memory.hardLimit': 'default', 'memory.swapHardLimit': 'default' },
    guestXml({ more: SWAP_LIMITED }),
    {},
  ],
  [
    'a limit that goes while memory stays locked',
    { 'memory.hardLimit': 'default' },
    guestXml({ more: `${LIMITED}  <memoryBacking><locked/></memoryBacking>\n` }),
    { 'memtune.hardLimit': 'LOCKED_NEEDS_LIMIT' },
  ],
  [
    'a limit that goes with the lock',
    { 'memory.hardLimit': 'default', 'memory.locked': false },
    guestXml({ more: `${LIMITED}  <memoryBacking><locked/></memoryBacking>\n` }),
    {},
  ],
  [
    'statistics without a balloon',
    { 'balloon.model': 'none', 'balloon.statsPeriod': 5 },
    guestXml(),
    { 'balloon.statsPeriod': 'NO_BALLOON' },
  ],
  [
    'less memory without a balloon',
    { 'balloon.model': 'none', 'balloon.size': '50 % of memory' },
    guestXml(),
    { 'memory.current': 'NO_BALLOON' },
  ],
  [
    'more memory than there is',
    { 'balloon.size': '200 % of memory' },
    guestXml(),
    { 'memory.current': 'MORE_THAN_MEMORY' },
  ],
  [
    'a nodeset that does not exist',
    { 'numa.memory': 'strict', 'numa.nodes': '0,5' },
    guestXml(),
    { 'numatune.nodeset': 'NO_SUCH_CELL', 'numatune.mode': 'NO_CELLS_NAMED' },
  ],
  ['several cells preferred', { 'numa.memory': 'interleave', 'numa.nodes': '0-1' }, guestXml(), {}],
  ['memory bound to nowhere', { 'numa.memory': 'strict' }, guestXml(), { 'numatune.mode': 'NOT_PLACED' }],
  [
    'a topology of other vCPUs',
    { 'cpu.topology': 'sockets=1 cores=2 threads=2' },
    guestXml(),
    { 'cpu.topology': 'TOPOLOGY_MISMATCH' },
  ],
  [
    'a hint without pins',
    { 'kvm.hintDedicated': true },
    guestXml(),
    { 'kvm.hint-dedicated': 'HINT_NEEDS_PINNING' },
  ],
  [
    'a hint in a cell',
    { 'cpu.pinning': 'cell', 'kvm.hintDedicated': true },
    guestXml(),
    { 'kvm.hint-dedicated': 'HINT_NEEDS_PINNING' },
  ],
  [
    'real time without pins',
    { 'cpu.scheduler': 'fifo 1' },
    guestXml({ vcpus: 1 }),
    { 'vcpusched 0': 'REAL_TIME_NEEDS_PINNING' },
  ],
  [
    "KVM's hints without KVM",
    { 'cpu.pinning': 'dedicated', 'kvm.hintDedicated': true, 'timer.kvmclock': true },
    guestXml({ type: 'qemu' }),
    { 'kvm.hint-dedicated': 'NOT_KVM', 'timer.kvmclock': 'NOT_KVM' },
  ],
  ['synic without vpindex', { 'hyperv.synic': true }, guestXml(), { 'hyperv.synic': 'HYPERV_NEEDS' }],
  [
    'all that depends on vpindex',
    {
      'hyperv.vpindex': false,
      'hyperv.synic': true,
      'hyperv.stimer': true,
      'hyperv.stimerDirect': true,
      'hyperv.ipi': true,
      'timer.hypervclock': true,
    },
    guestXml(),
    {
      'hyperv.synic': 'HYPERV_NEEDS',
      'hyperv.stimer': 'HYPERV_NEEDS',
      'hyperv.stimer.direct': 'HYPERV_NEEDS',
      'hyperv.ipi': 'HYPERV_NEEDS',
    },
  ],
  [
    'a CPU feature of no model',
    { 'cpu.tscDeadline': 'require' },
    guestXml().replace(/ {2}<cpu mode.*\n/, ''),
    { 'cpu.feature.tsc-deadline': 'CPU_FEATURE_NEEDS_MODEL' },
  ],
  [
    'parts of a cache that cannot be shared out',
    { 'cpu.cache': '0-3: L3 0 both 3 MiB' },
    guestXml(),
    { cachetune: 'NO_RESCTRL' },
  ],
  [
    'parts of bandwidth that cannot be shared out',
    { 'cpu.memoryBandwidth': '0-3: node 0 60 %' },
    guestXml(),
    { memorytune: 'NO_RESCTRL' },
  ],
  [
    'an iothread that a controller uses',
    { 'iothread.count': 0 },
    guestXml({ more: '  <iothreads>1</iothreads>\n' }).replace(
      '<memballoon',
      "<controller type='scsi' index='0' model='virtio-scsi'><driver iothread='1'/></controller>\n    <memballoon",
    ),
    { iothreads: 'IOTHREAD_IN_USE' },
  ],
  [
    'an iothread that a disk uses',
    { 'iothread.count': 0 },
    guestXml({ disks: 0, driver: " iothread='1'", more: '  <iothreads>1</iothreads>\n' }),
    { iothreads: 'IOTHREAD_IN_USE' },
  ],
  [
    'polling of a domain that does not run, on an old libvirt',
    { 'iothread.pollMax': 0 },
    guestXml({ more: '  <iothreads>1</iothreads>\n' }),
    { 'iothread.poll.max 1': 'POLLING_NOT_KEPT' },
  ],
  [
    'vCPUs that cannot be shared out over cells',
    { 'cpu.topology': 'auto', 'numa.cells': 3 },
    guestXml(),
    { 'cpu.topology': 'TOPOLOGY_UNEVEN' },
  ],
  ['more cells than vCPUs', { 'numa.cells': 9 }, guestXml(), { 'numa.cells': 'TOO_MANY_CELLS' }],
  [
    'cells while memory is plugged in',
    { 'numa.cells': 2 },
    guestXml().replace('<memballoon', "<memory model='dimm'/>\n    <memballoon"),
    { 'numa.cells': 'MEMORY_DEVICES' },
  ],
  ['pins without a place', { 'cpu.pinning': 'dedicated' }, guestXml({ vcpus: 1 }), {}],
];

test.each(BAD)('%s', (_, values, guest, problems, on = {}) => {
  expect(problemsOf(wishesOf(profileOf(values), state(guest), host(on)))).toEqual(problems);
});

test('every problem names its subject, and has a unique text', () => {
  for (const [, values, guest, , on = {}] of BAD) {
    for (const { problem } of wishesOf(profileOf(values), state(guest), host(on))) {
      if (problem === undefined) continue;
      expect(problem.code).toMatch(/^[A-Z][A-Z0-9_]+$/);
      expect(problem.text.length).toBeGreaterThan(20);
      expect(problem.text).not.toMatch(/undefined|null|NaN/);
    }
  }
});
