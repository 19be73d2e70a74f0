const NO_SNAPSHOT = 'no simulated VM has a snapshot';
const NO_PROCESS = 'there is no QEMU whose memory could be looked at';

/** Queries that find nothing on simulated hosts, and why. One that is here and finds something is a fault too. */
export const EMPTY_PANELS: Readonly<Record<string, string>> = {
  'host: Huge pages missing A': 'no VM with huge pages is shut off',
  'host: Memory that KSM saves A': 'the simulated host has no KSM figures',
  'storage: Deepest backing chains A': 'no simulated disk has a backing image',
  'storage: Oldest snapshots A': NO_SNAPSHOT,
  'storage: Oldest snapshots B': NO_SNAPSHOT,
  'tuning: Memory on huge pages A': NO_PROCESS,
  'tuning: Memory on the far cell A': NO_PROCESS,
  'vm: I/O errors B': 'QEMU tells libvirt of no requests that failed',
  'vm: Spread of request times A': 'libvirt 12.1 is the first to tell',
};

/** Queries that find something only when it happens. */
export const EMPTY_NOW_AND_THEN: Readonly<Record<string, string>> = {
  'health: Calls that failed A': 'a call for the VM that hangs fails when its deadline passes, and no other',
};
