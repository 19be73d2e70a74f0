import type { TypedParam } from '../../libvirt/typed-params.ts';
import { type Bag, newDraft } from './draft.ts';
import { slotOf } from './slots.ts';
import type { DomainStats } from './types.ts';

/** libvirt's "unknown": 2^64-1, as a bigint or rounded. */
const UNKNOWN_64 = 2 ** 64;

/**
 * Memory figures come from the guest's balloon driver and may be any 64 bits: no guest has this many KiB, or faults.
 * Below this limit, the bytes stay under 2^63.
 */
const GUEST_MAX = 2 ** 53;

/** libvirt's VIR_TYPED_PARAM_FIELD_LENGTH: no name is longer. Checked because names are cached. */
const NAME_MAX = 80;

/** One domain's record of a GetAllDomainStats reply, as named figures with units. */
export function readDomainStats(params: readonly TypedParam[]): DomainStats {
  const draft = newDraft();
  for (const { field, value } of params) {
    const plain = typeof value === 'bigint' ? Number(value) : value;
    if (plain === UNKNOWN_64 || field.length > NAME_MAX) continue;
    if (typeof plain === 'number' && plain >= GUEST_MAX && field.startsWith('balloon.')) continue;
    if (typeof plain !== 'number' || Number.isFinite(plain)) slotOf(field)(draft, plain);
  }
  for (const vcpu of draft.vcpu.values()) dropUnmeasured(vcpu);
  return {
    ...draft.top,
    cpu: draft.cpu,
    balloon: draft.balloon,
    dirtyRate: draft.dirtyrate,
    vcpus: draft.vcpu,
    nets: draft.net,
    blocks: draft.block,
    ioThreads: draft.iothread,
    perf: draft.perf,
    kvm: draft.vm,
    cacheMonitors: draft.cache,
    bandwidthMonitors: draft.bandwidth,
    energyMonitors: draft.energy,
    vcpuDirtyRate: draft.vcpuDirtyRate,
    unknown: draft.unknown,
  };
}

/**
 * libvirt reports 0 where the kernel does not count (virProcessGetSchedInfo and virProcessGetSchedstatDelay start from
 * 0, and find no line to read). A thread that has run has also waited some nanoseconds, so a measured 0 does not occur.
 */
function dropUnmeasured(vcpu: Bag): void {
  if (vcpu['waitNs'] === 0) delete vcpu['waitNs'];
  if (vcpu['delayNs'] === 0 && vcpu['timeNs'] !== 0) delete vcpu['delayNs'];
}
