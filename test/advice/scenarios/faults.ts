import type { AdviceKind } from '../../../advice/advice.ts';
import { DomainState, PausedReason, ShutoffReason } from '../../../libvirt/constants.ts';
import { setIoTune, setMemory } from './calls.ts';
import { withStats } from './counters.ts';
import { type Draft, GOOD_DISK, type VmInput } from './draft.ts';

/** A fault to inject into a host, and the VMs that advice of its kind must name; none for a fault of the host. */
export interface Fault {
  readonly kind: AdviceKind;
  /** `host`: affects all VMs, so that it is only combined with faults of definitions and states. */
  readonly scope: 'host' | 'load' | 'definition';
  readonly inject: (draft: Draft) => readonly VmInput[];
}

const DAY_SECONDS = 86_400;

export const FAULTS: readonly Fault[] = [
  {
    kind: 'dedicated-cpus-shared',
    scope: 'load',
    inject: (draft) => {
      // Its demand is more than half of the CPUs: less than that it gets beside any single VM.
      const victim = draft.database({ load: 2.2 });
      return [victim, draft.batch({ ...(victim.pins !== undefined && { pins: victim.pins }) })];
    },
  },
  {
    kind: 'cpus-squeezed',
    scope: 'load',
    inject: (draft) => {
      const cpus = draft.takeCpus(draft.between(5, 6), 1).join(',');
      const pins = Array.from({ length: 4 }, () => cpus);
      return [draft.batch({ pins }), draft.batch({ pins }), draft.batch({ pins })];
    },
  },
  {
    kind: 'cpu-quota',
    scope: 'load',
    inject: (draft) => [draft.batch({ vcpuQuota: 0.2 + draft.random() / 4 })],
  },
  {
    kind: 'wide-vm',
    scope: 'load',
    inject: (draft) => {
      const cpus = draft.takeCpus(draft.between(3, 4), 0).join(',');
      return [draft.batch({ vcpus: 8, pins: Array.from({ length: 8 }, () => cpus) })];
    },
  },
  {
    kind: 'cpu-overcommit',
    scope: 'host',
    inject: (draft) => {
      // Besides batch VMs, which only share with each other, a VM with more demand than its share of the host.
      draft.database({ load: 2.2 });
      return Array.from({ length: Math.ceil((draft.cpus * (1.15 + draft.random() / 3)) / 3.4) }, () =>
        draft.batch(),
      );
    },
  },
  {
    kind: 'cpu-steal',
    scope: 'load',
    inject: (draft) => {
      const vm = draft.add('web', { vcpus: draft.between(1, 4) });
      const share = 0.15 + draft.random() / 4;
      draft.augmentVm(vm, (domain, seconds) =>
        withStats(domain, {
          vcpus: (vcpu) => ({ ...vcpu, delayNs: (vcpu.delayNs ?? 0) + share * seconds * 1e9 }),
        }),
      );
      return [vm];
    },
  },
  {
    kind: 'balloon-squeezed',
    scope: 'load',
    inject: (draft) => {
      const vm = draft.add('web', { memoryMiB: 8_192 });
      const share = 0.45 + draft.random() / 6;
      draft.call((connection) => setMemory(connection, vm, share));
      return [vm];
    },
  },
  {
    kind: 'guest-memory-starved',
    scope: 'load',
    inject: (draft) => [draft.add('web', { memoryMiB: 8_192, memoryUse: 1.02 + draft.random() / 3 })],
  },
  {
    kind: 'host-memory-short',
    scope: 'host',
    inject: (draft) => {
      // VMs without huge pages; only those that run count.
      const more = Array.from({ length: 6 }, () => draft.add('web', { memoryMiB: 16_384 }));
      const huge = draft.vms.filter(({ hugepagesKiB }) => hugepagesKiB !== undefined);
      const perCell = Math.max(
        ...[0, 1].map((cell) =>
          huge.filter(({ numaNode }) => numaNode === cell).reduce((sum, { memoryMiB }) => sum + memoryMiB, 0),
        ),
      );
      const ordinaryMiB = draft.vms
        .filter(({ hugepagesKiB, state }) => hugepagesKiB === undefined && (state ?? 'running') === 'running')
        .reduce((sum, { memoryMiB }) => sum + memoryMiB, 0);
      draft.hugepages = { 2048: perCell / 2, 1048576: 0 };
      draft.memoryGiB = Math.floor((2 * perCell + ordinaryMiB * (0.45 + draft.random() / 10)) / 0.9 / 1_024);
      return more;
    },
  },
  {
    kind: 'balloon-silent',
    scope: 'definition',
    inject: (draft) => [draft.add('web', { balloonPeriodSeconds: 0 })],
  },
  {
    kind: 'storage-hot-spot',
    scope: 'host',
    inject: (draft) => {
      draft.storageMiBps = draft.between(200, 350);
      return Array.from({ length: draft.between(5, 8) }, () => draft.batch({ vcpus: 2, load: 2 }));
    },
  },
  {
    kind: 'disk-slow',
    scope: 'load',
    inject: (draft) => {
      const vm = draft.add('web');
      const requestNs = draft.between(60, 400) * 1e6;
      draft.augmentVm(vm, (domain) =>
        withStats(domain, {
          blocks: (block) => ({
            ...block,
            readNs: (block.readRequests ?? 0) * requestNs,
            writeNs: (block.writeRequests ?? 0) * requestNs,
          }),
        }),
      );
      return [vm];
    },
  },
  {
    kind: 'disk-limit',
    scope: 'load',
    inject: (draft) => {
      const vm = draft.batch({ vcpus: 2, load: 2 });
      const limit = draft.between(3, 8) * 1_048_576;
      draft.call((connection) => setIoTune(connection, vm, 'vda', limit));
      return [vm];
    },
  },
  {
    kind: 'disk-errors',
    scope: 'load',
    inject: (draft) => {
      const vm = draft.add('web');
      draft.augmentVm(vm, (domain, seconds) =>
        withStats(domain, { blocks: (block) => ({ ...block, errors: Math.floor(seconds / 3) }) }),
      );
      return [vm];
    },
  },
  {
    kind: 'disk-cache-mode',
    scope: 'load',
    inject: (draft) => {
      const { cache: _, io: _io, ...plain } = GOOD_DISK;
      return [
        draft.database({ disks: [{ ...plain, ...(draft.chance(0.5) && { cache: 'writeback' as const }) }] }),
      ];
    },
  },
  {
    kind: 'disk-io-mode',
    scope: 'load',
    inject: (draft) => {
      const { io: _, ...plain } = GOOD_DISK;
      return [
        draft.database({ disks: [{ ...plain, ...(draft.chance(0.5) && { io: 'threads' as const }) }] }),
      ];
    },
  },
  {
    kind: 'iothread-missing',
    scope: 'load',
    inject: (draft) => {
      const { ioThread: _, ...plain } = GOOD_DISK;
      return [draft.batch({ vcpus: 2, load: 5, ioThreads: 0, disks: [plain] })];
    },
  },
  {
    kind: 'disk-cache-unsafe',
    scope: 'definition',
    inject: (draft) => [draft.add('web', { disks: [{ target: 'vda', sizeGiB: 20, cache: 'unsafe' }] })],
  },
  {
    kind: 'backing-chain-deep',
    scope: 'definition',
    inject: (draft) => [
      draft.add('web', { disks: [{ target: 'vda', sizeGiB: 20, backingImages: draft.between(4, 20) }] }),
    ],
  },
  {
    kind: 'snapshot-old',
    scope: 'definition',
    inject: (draft) => {
      const vm = draft.add('web');
      const days = draft.between(8, 400);
      draft.before(({ daemon, nowMs }) => {
        daemon.vm(vm.name).snapshots.set('forgotten', nowMs / 1_000 - days * DAY_SECONDS);
      });
      return [vm];
    },
  },
  {
    kind: 'nic-drops',
    scope: 'load',
    inject: (draft) => [draft.add('web', { nicDropShare: 0.02 + draft.random() / 4 })],
  },
  {
    kind: 'nic-emulated',
    scope: 'load',
    inject: (draft) => [draft.add('web', { nicModel: draft.pick('e1000e', 'rtl8139') })],
  },
  {
    kind: 'numa-split',
    scope: 'definition',
    inject: (draft) => [
      draft.add('web', { vcpus: 4, pins: [...draft.takeCpus(2, 0), ...draft.takeCpus(2, 1)].map(String) }),
    ],
  },
  {
    kind: 'memory-remote',
    scope: 'definition',
    inject: (draft) => {
      const vm = draft.add('web');
      const remoteShare = 0.25 + draft.random() / 2;
      draft.augmentVm(vm, () => ({
        local: {
          missing: [],
          memoryMap: { nodeBytes: new Map(), remoteShare, hugeBytes: 0, ksmMergedBytes: 0 },
        },
      }));
      return [vm];
    },
  },
  {
    kind: 'small-pages',
    scope: 'load',
    inject: (draft) => {
      const { hugepagesKiB: _, ...vm } = draft.database({ memoryMiB: 16_384 });
      draft.vms.splice(-1, 1, vm);
      return [vm];
    },
  },
  {
    kind: 'vm-wider-than-cell',
    scope: 'load',
    inject: (draft) => [
      draft.add('oltp', {
        vcpus: draft.cores * 2 + draft.between(1, 4),
        load: 0.4,
        memoryMiB: 16_384,
        ioThreads: 1,
        disks: [GOOD_DISK],
      }),
    ],
  },
  {
    kind: 'ksm-dependence',
    scope: 'definition',
    inject: (draft) => {
      draft.before(({ daemon }) => {
        daemon.host.ksm.set('shm_pages_sharing', (draft.memoryGiB * 1_048_576) / 4);
      });
      return [];
    },
  },
  {
    kind: 'hugepages-short',
    scope: 'definition',
    inject: (draft) => {
      draft.add('oltp', {
        state: 'shutoff',
        memoryMiB: 65_536,
        hugepagesKiB: 2_048,
        numaNode: draft.between(0, 1),
      });
      return [];
    },
  },
  {
    kind: 'vm-crashed',
    scope: 'definition',
    inject: (draft) => {
      const vm = draft.add('web');
      // Its guest panicked, its QEMU died, or libvirtd killed it when it could not reconnect to it.
      const how = draft.vms.length % 3;
      draft.vmBefore(vm, (simulated) => {
        if (how === 0) simulated.state = DomainState.crashed;
        else simulated.stop(how === 1 ? ShutoffReason.crashed : ShutoffReason.daemon);
      });
      return [vm];
    },
  },
  {
    kind: 'vm-paused-io-error',
    scope: 'definition',
    inject: (draft) => {
      const vm = draft.add('web');
      draft.vmBefore(vm, (simulated) => {
        simulated.state = DomainState.paused;
        simulated.reason = PausedReason.ioError;
      });
      return [vm];
    },
  },
  {
    kind: 'vm-unresponsive',
    scope: 'definition',
    inject: (draft) => {
      const vm = draft.add('web');
      draft.before(({ daemon }) => daemon.faults.hang(daemon.vm(vm.name)));
      return [vm];
    },
  },
  {
    kind: 'job-running',
    scope: 'definition',
    inject: (draft) => {
      const vm = draft.add('web');
      draft.augmentVm(vm, (domain, seconds) => ({
        extras: {
          ...domain.extras,
          job: {
            operation: 'backup',
            active: true,
            success: undefined,
            figures: new Map([['time_elapsed', seconds * 1_000]]),
          },
        },
      }));
      return [vm];
    },
  },
];
