import type { Problem } from '../errors.ts';
import { choice, onOff, orWord, type ValueKind, whole } from './values.ts';

/**
 * What a profile wants of the host that its domains run on. The first four can be set; the others are only checked,
 * since they are up to the host's administrator.
 */
export type HostWanted =
  /** Merging of equal pages: whether the kernel's ksmd runs at all. */
  | { readonly knob: 'ksm'; readonly wanted: 'on' | 'off' }
  /** libvirt's shm_pages_to_scan, shm_sleep_millisecs and shm_merge_across_nodes. */
  | { readonly knob: 'ksm.pagesToScan'; readonly wanted: number }
  | { readonly knob: 'ksm.sleepMs'; readonly wanted: number }
  | { readonly knob: 'ksm.mergeAcrossNodes'; readonly wanted: 0 | 1 }
  /** The pools grow to what the placed domains need. */
  | { readonly knob: 'hugepages'; readonly wanted: 'as-needed' }
  | { readonly knob: 'thp'; readonly wanted: 'always' | 'madvise' | 'never' }
  | { readonly knob: 'governor'; readonly wanted: string }
  /** Disables idle states with a longer exit latency than this; 0: all of them. */
  | { readonly knob: 'cstates'; readonly wanted: number }
  /** Upper limit. */
  | { readonly knob: 'swappiness'; readonly wanted: number }
  | { readonly knob: 'numaBalancing'; readonly wanted: 'on' | 'off' }
  /** CPUs dedicated to vCPUs are isolated from the kernel's scheduler. */
  | { readonly knob: 'isolatedCpus'; readonly wanted: 'vcpus' };
export type HostKnobId = HostWanted['knob'];

/** A host setting that profiles ask for, with the reason and the source. */
export type HostWish = HostWanted & {
  readonly profiles: readonly string[];
  readonly why: string;
  readonly source: string;
  /** Profiles in use on the same host contradict each other: nothing is changed. */
  readonly problem?: Problem | undefined;
};

export type HostKnobSets = 'by default' | 'with --host' | 'never';

export interface HostKnob {
  readonly id: HostKnobId;
  readonly help: string;
  readonly takes: string;
  /** When virtune changes it; never: it only shows the value and how to change it. */
  readonly sets: HostKnobSets;
  /** @throws ValueError */
  readonly check: (value: unknown) => void;
  /** Undefined for `leave`. */
  readonly wanted: (value: unknown) => HostWanted | undefined;
}

interface HostKnobDeclaration<V> {
  readonly help: string;
  readonly sets: HostKnobSets;
  readonly value: ValueKind<V>;
  readonly wanted: (value: V) => HostWanted;
}

/** `leave` lets a profile that extends another drop the other's wish. */
function hostKnob<V>(id: HostKnobId, { help, sets, value, wanted }: HostKnobDeclaration<V>): HostKnob {
  const kind = orWord(value, 'leave');
  return {
    id,
    help,
    takes: kind.help,
    sets,
    check: (raw) => void kind.parse(raw),
    wanted: (raw) => {
      const parsed = kind.parse(raw);
      return parsed === 'leave' ? undefined : wanted(parsed);
    },
  };
}

const switched = (on: boolean): 'on' | 'off' => (on ? 'on' : 'off');

export const hostKnobs: readonly HostKnob[] = [
  hostKnob('ksm', {
    help: 'Kernel same-page merging: merges equal pages of VMs. Saves memory, costs CPU time, and can move memory to other cells.',
    sets: 'by default',
    value: onOff,
    wanted: (on) => ({ knob: 'ksm', wanted: switched(on) }),
  }),
  hostKnob('ksm.pagesToScan', {
    help: 'Pages that ksmd scans before it sleeps.',
    sets: 'by default',
    value: whole({ min: 1, max: 100_000 }),
    wanted: (pages) => ({ knob: 'ksm.pagesToScan', wanted: pages }),
  }),
  hostKnob('ksm.sleepMs', {
    help: 'Sleep time of ksmd between scans, ms.',
    sets: 'by default',
    value: whole({ min: 1, max: 60_000 }),
    wanted: (ms) => ({ knob: 'ksm.sleepMs', wanted: ms }),
  }),
  hostKnob('ksm.mergeAcrossNodes', {
    help: 'Merging of pages across cells: some of the VMs that share a page then read it from remote memory. Can only be changed while no pages are merged.',
    sets: 'by default',
    value: onOff,
    wanted: (on) => ({ knob: 'ksm.mergeAcrossNodes', wanted: on ? 1 : 0 }),
  }),
  hostKnob('hugepages', {
    help: 'Growth of the huge page pools to what the placed domains need.',
    sets: 'by default',
    value: choice('as-needed'),
    wanted: (wanted) => ({ knob: 'hugepages', wanted }),
  }),
  hostKnob('thp', {
    help: 'Transparent huge pages: for all memory, for memory that requests them, or for none.',
    sets: 'never',
    value: choice('always', 'madvise', 'never'),
    wanted: (wanted) => ({ knob: 'thp', wanted }),
  }),
  hostKnob('governor', {
    help: 'CPU frequency governor.',
    sets: 'with --host',
    value: choice('performance', 'schedutil', 'ondemand', 'powersave'),
    wanted: (wanted) => ({ knob: 'governor', wanted }),
  }),
  hostKnob('cstates', {
    help: 'Maximum exit latency of CPU idle states, µs; deeper states should be disabled.',
    sets: 'with --host',
    value: whole({ max: 10_000 }),
    wanted: (latency) => ({ knob: 'cstates', wanted: latency }),
  }),
  hostKnob('swappiness', {
    help: 'Maximum of vm.swappiness.',
    sets: 'with --host',
    value: whole({ max: 200 }),
    wanted: (swappiness) => ({ knob: 'swappiness', wanted: swappiness }),
  }),
  hostKnob('numaBalancing', {
    help: 'Automatic NUMA balancing by the kernel: useful for VMs without pins, disruptive for VMs that are bound to cells.',
    sets: 'never',
    value: onOff,
    wanted: (on) => ({ knob: 'numaBalancing', wanted: switched(on) }),
  }),
  hostKnob('isolatedCpus', {
    help: 'Isolation of dedicated CPUs from the kernel scheduler (isolcpus, or a cpuset partition).',
    sets: 'never',
    value: choice('vcpus'),
    wanted: (wanted) => ({ knob: 'isolatedCpus', wanted }),
  }),
];

export function findHostKnob(id: string): HostKnob | undefined {
  return hostKnobs.find((knob) => knob.id === id);
}
