import type { ScenarioInput } from '../scenario.ts';

type VmInput = ScenarioInput['vms'][number];

/** With the installer's defaults: no pins, QEMU's default cache mode, no hugepages, no memory binding. */
const database = (name: string, project: string): VmInput => ({
  name,
  workload: 'oltp',
  vcpus: 4,
  memoryMiB: 16_384,
  disks: [
    { target: 'vda', sizeGiB: 40 },
    { target: 'vdb', sizeGiB: 200, format: 'raw' },
  ],
  balloonPeriodSeconds: 0,
  project,
});

const others: VmInput[] = [
  {
    name: 'mssql-erp',
    workload: 'windows',
    vcpus: 4,
    memoryMiB: 16_384,
    disks: [
      { target: 'sda', sizeGiB: 80 },
      { target: 'sdb', sizeGiB: 200 },
    ],
    nicModel: 'e1000e',
    balloonPeriodSeconds: 0,
    vncPassword: 'wintermt',
    project: 'erp',
  },
  ...['web-01', 'web-02', 'web-03'].map(
    (name): VmInput => ({
      name,
      workload: 'web',
      vcpus: 2,
      memoryMiB: 4_096,
      disks: [{ target: 'vda', sizeGiB: 20 }],
      project: 'shop',
    }),
  ),
  ...['batch-01', 'batch-02', 'batch-03'].map(
    (name): VmInput => ({
      name,
      workload: 'batch',
      vcpus: 16,
      memoryMiB: 8_192,
      disks: [{ target: 'vda', sizeGiB: 100 }],
    }),
  ),
  {
    name: 'router-01',
    workload: 'web',
    vcpus: 2,
    memoryMiB: 2_048,
    nics: 3,
    disks: [{ target: 'vda', sizeGiB: 8 }],
  },
  {
    name: 'legacy-files',
    workload: 'web',
    vcpus: 2,
    memoryMiB: 2_048,
    disks: [{ target: 'vda', sizeGiB: 500 }],
    // Its guest is too old to support ACPI.
    shutdownSeconds: 'never',
  },
  {
    name: 'template-debian',
    workload: 'idle',
    vcpus: 2,
    memoryMiB: 2_048,
    state: 'shutoff',
    disks: [{ target: 'vda', sizeGiB: 8 }],
  },
];

/** A host that `virtune tune` can improve. */
export const untuned: ScenarioInput = {
  name: 'untuned',
  description:
    'Databases with default settings: they run anywhere on the host, far from their memory, and wait for the page cache.',
  host: { coresPerSocket: 14, coresPerCache: 7, hugepages: { 2048: 0, 1048576: 0 } },
  load: 1.6,
  vms: [
    database('pg-orders', 'payments'),
    database('pg-billing', 'payments'),
    database('mysql-shop', 'shop'),
    ...others,
  ],
};
