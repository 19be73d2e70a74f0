/** Why a query finds nothing on simulated hosts, and whether the lab's real host and guests answer it. */
export interface Empty {
  readonly because: string;
  readonly inTheLab: boolean;
}

const NO_SNAPSHOT = { because: 'no simulated VM has a snapshot', inTheLab: false };
const NO_SHIPPING = { because: 'nothing is sent to a search server there', inTheLab: false };
const NO_PROCESS = { because: 'there is no QEMU whose memory could be looked at', inTheLab: true };

/** All that is empty in test/live/alerting.live.ts. One that is here and finds something is a fault too. */
export const EMPTY_PANELS: Readonly<Record<string, Empty>> = {
  'health: Oldest document that waits A': NO_SHIPPING,
  'health: Room of the queue in use A': NO_SHIPPING,
  'health: Documents taken A': NO_SHIPPING,
  'health: Documents taken B': NO_SHIPPING,
  'health: Documents given up A': NO_SHIPPING,
  'health: Documents given up B': NO_SHIPPING,
  'host: Huge pages missing A': { because: 'no VM with huge pages is shut off', inTheLab: false },
  'storage: Deepest backing chains A': { because: 'no simulated disk has a backing image', inTheLab: false },
  'storage: Oldest snapshots A': NO_SNAPSHOT,
  'storage: Oldest snapshots B': NO_SNAPSHOT,
  'tuning: Memory on huge pages A': NO_PROCESS,
  'tuning: Memory on the far cell A': NO_PROCESS,
  'vm: I/O errors B': { because: 'QEMU tells libvirt of no requests that failed', inTheLab: false },
  'vm: Spread of request times A': { because: 'libvirt 12.1 is the first to tell', inTheLab: false },
};

/** Queries that find something only when it happens. */
export const EMPTY_NOW_AND_THEN: Readonly<Record<string, string>> = {
  'health: Calls that failed A': 'a call for the VM that hangs fails when its deadline passes, and no other',
};
