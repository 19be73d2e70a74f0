/** Why a query finds nothing on simulated hosts, and whether it finds something on the lab's real host and guests. */
export interface Empty {
  readonly because: string;
  readonly inTheLab: boolean;
}

const NO_SNAPSHOT = { because: 'no simulated VM has a snapshot', inTheLab: false };
const NO_SHIPPING = { because: 'nothing is sent to a search server there', inTheLab: false };
const NO_PROCESS = { because: 'there is no QEMU process whose memory could be read', inTheLab: true };

/** All panels that are empty in test/live/alerting.live.ts. One listed here that finds something is a fault too. */
export const EMPTY_PANELS: Readonly<Record<string, Empty>> = {
  'health: Oldest queued document A': NO_SHIPPING,
  'health: Queue utilization A': NO_SHIPPING,
  'health: Documents sent A': NO_SHIPPING,
  'health: Documents sent B': NO_SHIPPING,
  'health: Documents dropped A': NO_SHIPPING,
  'health: Documents dropped B': NO_SHIPPING,
  'host: Huge page shortfall A': { because: 'no VM with huge pages is shut off', inTheLab: false },
  'storage: Deepest backing chains A': { because: 'no simulated disk has a backing image', inTheLab: false },
  'storage: Oldest snapshots A': NO_SNAPSHOT,
  'storage: Oldest snapshots B': NO_SNAPSHOT,
  'tuning: Huge page backing A': NO_PROCESS,
  'tuning: Remote NUMA memory A': NO_PROCESS,
  'vm: I/O errors B': { because: 'QEMU reports no failed requests to libvirt', inTheLab: false },
  'vm: Latency distribution A': { because: 'libvirt reports it since 12.1', inTheLab: false },
};

/** Queries that find something only occasionally. */
export const EMPTY_NOW_AND_THEN: Readonly<Record<string, string>> = {
  'health: Failed calls A': 'a call for the VM that hangs fails when its deadline passes, and no other',
};
