import type { ScenarioInput } from '../scenario.ts';

type VmInput = ScenarioInput['vms'][number];

const dataDisk = {
  target: 'vdb',
  sizeGiB: 200,
  format: 'raw',
  cache: 'none',
  io: 'native',
  ioThread: 1,
  windowsSeconds: [10, 600],
  latencyBinsNs: [0, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 100_000_000],
} satisfies NonNullable<VmInput['disks']>[number];

/** Four well-tuned database servers, each with dedicated cores of one NUMA cell. */
const databases: VmInput[] = ['pg-orders', 'pg-billing', 'mysql-shop', 'mssql-erp'].map((name, index) => ({
  name,
  workload: name.startsWith('mssql') ? 'windows' : 'oltp',
  vcpus: 4,
  memoryMiB: 16_384,
  disks: [{ target: 'vda', sizeGiB: 40 }, dataDisk],
  ioThreads: 1,
  // Cell 0 has CPUs 0-7 and their siblings 16-23, cell 1 the others.
  pins: [0, 1, 2, 3].map((vcpu) => String((index % 2) * 8 + Math.floor(index / 2) * 4 + vcpu)),
  numaNode: index % 2,
  hugepagesKiB: 2_048,
  agent: true,
  project: index < 2 ? 'payments' : 'shop',
}));

const others: VmInput[] = [
  ...['web-01', 'web-02', 'web-03'].map(
    (name): VmInput => ({
      name,
      workload: 'web',
      vcpus: 2,
      memoryMiB: 4_096,
      disks: [{ target: 'vda', sizeGiB: 20, cache: 'writeback' }],
      agent: true,
      project: 'shop',
    }),
  ),
  ...['batch-01', 'batch-02'].map(
    (name): VmInput => ({
      name,
      workload: 'batch',
      vcpus: 4,
      memoryMiB: 8_192,
      disks: [{ target: 'vda', sizeGiB: 100, cache: 'writeback', io: 'threads' }],
    }),
  ),
  {
    name: 'win-app01',
    workload: 'windows',
    vcpus: 4,
    memoryMiB: 8_192,
    // As installed without virtio drivers.
    disks: [{ target: 'sda', sizeGiB: 80, cache: 'writethrough' }],
    nicModel: 'e1000e',
    balloonPeriodSeconds: 0,
    vncPassword: 'wintermt',
  },
  {
    // As set up by a cloud that shares folders with it and resizes its memory.
    name: 'cache-01',
    workload: 'web',
    vcpus: 2,
    memoryMiB: 8_192,
    disks: [{ target: 'vda', sizeGiB: 10 }],
    tpm: true,
    sharedMemory: true,
    virtioMem: { sizeMiB: 4_096, requestedMiB: 2_048 },
  },
  {
    name: 'bastion',
    workload: 'idle',
    vcpus: 1,
    memoryMiB: 1_024,
    disks: [{ target: 'vda', sizeGiB: 8 }],
    autostartOnce: true,
  },
  {
    name: 'template-debian',
    workload: 'idle',
    vcpus: 2,
    memoryMiB: 2_048,
    state: 'shutoff',
    disks: [{ target: 'vda', sizeGiB: 8 }],
  },
  {
    name: 'legacy-files',
    workload: 'web',
    vcpus: 2,
    memoryMiB: 2_048,
    state: 'paused',
    disks: [{ target: 'vda', sizeGiB: 500, cache: 'writeback' }],
    // Its guest is too old to support ACPI.
    shutdownSeconds: 'never',
  },
];

export const calm: ScenarioInput = {
  name: 'calm',
  description:
    'A host with free capacity: databases are pinned with local memory, and no VM waits for a CPU.',
  vms: [...databases, ...others],
};
