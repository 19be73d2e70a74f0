import { setIoTune, setMemory } from './calls.ts';
import { withStats } from './counters.ts';
import type { Draft, VmInput } from './draft.ts';

/** Adds VMs without problems, for which there is no advice. */
export function addCleanVms(draft: Draft): void {
  const databases = draft.between(1, 2);
  for (let index = 0; index < databases; index++) draft.database();
  for (let index = draft.between(2, 4); index > 0; index--) draft.add('web');
  for (let index = draft.between(0, 1); index > 0; index--) draft.batch({ load: 1 });
  if (draft.chance(0.5)) draft.add('windows', { memoryMiB: 8_192 });
  draft.add('idle', { vcpus: 1, memoryMiB: 1_024 });
  draft.add('idle', { state: 'shutoff' });
  for (const decoy of DECOYS) if (draft.chance(0.35)) decoy(draft);
}

const DAY_SECONDS = 86_400;
/** Less than half of the time for which a host is observed. */
const BURST_SECONDS = 5;

/** What looks like a fault but hurts no VM. */
const DECOYS: readonly ((draft: Draft) => void)[] = [
  // A balloon that took memory the guest does not need.
  (draft) => inflated(draft, draft.add('web', { memoryMiB: 8_192, memoryUse: 0.25 })),
  // Memory that is not plugged yet.
  (draft) => draft.add('web', { memoryMiB: 8_192, virtioMem: { sizeMiB: 4_096, requestedMiB: 2_048 } }),
  (draft) =>
    draft.add('web', { disks: [{ target: 'vda', sizeGiB: 20, backingImages: draft.between(1, 3) }] }),
  (draft) => {
    const vm = draft.add('web');
    draft.before(({ daemon, nowMs }) => {
      daemon.vm(vm.name).snapshots.set('before-update', nowMs / 1_000 - 2 * DAY_SECONDS);
    });
  },
  (draft) => draft.add('web', { nicDropShare: 0.003 }),
  (draft) => draft.add('idle', { nicModel: 'e1000e' }),
  (draft) => draft.add('web', { vcpuQuota: 0.9 }),
  (draft) => {
    const vm = draft.batch({ load: 1 });
    draft.call((connection) => setIoTune(connection, vm, 'vda', 1e9));
  },
  // Many vCPUs on few CPUs, with little demand.
  (draft) => {
    const cpus = draft.takeCpus(2, 1).join(',');
    draft.add('idle', { vcpus: 8, pins: Array.from({ length: 8 }, () => cpus) });
  },
  (draft) => draft.add('web', { state: 'shutoff', disks: [{ target: 'vda', sizeGiB: 20, cache: 'unsafe' }] }),
  // Two VMs on the same CPUs that never need them at the same time.
  (draft) => {
    const { pins = [] } = draft.database();
    draft.add('idle', { vcpus: pins.length, pins });
  },
  // Few CPUs for VMs that need even less.
  (draft) => {
    const cpus = draft.takeCpus(3, 0).join(',');
    for (let index = 0; index < 2; index++) draft.add('web', { pins: [cpus, cpus], load: 0.5 });
  },
  // Bursts: some seconds of steal, a slow disk in one sample, a few drops, a page of swap-in.
  (draft) => {
    const share = 0.5;
    draft.augmentVm(draft.add('web'), (domain, seconds) =>
      withStats(domain, {
        vcpus: (vcpu) => ({
          ...vcpu,
          delayNs: (vcpu.delayNs ?? 0) + share * Math.min(seconds, BURST_SECONDS) * 1e9,
        }),
      }),
    );
  },
  (draft) => {
    draft.augmentVm(draft.add('web'), (domain, seconds) =>
      withStats(domain, {
        blocks: (block) => ({ ...block, readNs: (block.readNs ?? 0) + (seconds > BURST_SECONDS ? 60e9 : 0) }),
      }),
    );
  },
  (draft) => {
    draft.augmentVm(draft.add('web'), (domain, seconds) =>
      withStats(domain, {
        nets: (net) => ({ ...net, rxDrops: (net.rxDrops ?? 0) + (seconds > BURST_SECONDS ? 5_000 : 0) }),
      }),
    );
  },
  (draft) => {
    draft.augmentVm(draft.add('web'), (domain, seconds) =>
      withStats(domain, {
        balloon: (balloon) => ({
          ...balloon,
          swapInKiB: (balloon.swapInKiB ?? 0) + (seconds > BURST_SECONDS ? 4_096 : 0),
        }),
      }),
    );
  },
  // A high vCPU:pCPU ratio without contention.
  (draft) => {
    for (let index = 0; index < 4; index++) draft.add('idle', { vcpus: 16 });
  },
];

function inflated(draft: Draft, vm: VmInput): void {
  draft.call((connection) => setMemory(connection, vm, 0.6));
}
