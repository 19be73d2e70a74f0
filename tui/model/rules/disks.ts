import { type Disk, ioThreadsOf } from '../../../model/domain/disks.ts';
import { count, milliseconds } from '../../../model/format.ts';
import { latencyMs } from '../../../model/vm-rates.ts';
import type { Vm } from '../vm.ts';
import { finding, nameFor, type Rule, tune, virsh } from './rule.ts';

const LATENCY_BAD_MS = 50;

/** IOPS from which a finding about the I/O settings of a disk is worthwhile. */
const HOT_IOPS = 100;

const SNAPSHOT_AGE_MS = 7 * 86_400_000;

const CHAIN_MAX = 3;

export const chain: Rule = (vm, host) =>
  (vm.facts?.disks ?? []).flatMap((disk) =>
    disk.backingDepth <= CHAIN_MAX
      ? []
      : [
          finding(
            'deep-chain',
            'warn',
            `the snapshot chain of ${disk.target} is deep: a read may go through all of it`,
            `${disk.backingDepth} backing images`,
            virsh(host, 'blockcommit', nameFor(vm), disk.target, '--active', '--pivot', '--verbose'),
          ),
        ],
  );

export const oldSnapshot: Rule = (vm, host) => {
  const { count: snapshots, oldestAtSeconds } = vm.sample.extras?.snapshots ?? {};
  if (oldestAtSeconds === undefined || host.atMs - oldestAtSeconds * 1_000 < SNAPSHOT_AGE_MS) return [];
  const days = Math.floor((host.atMs - oldestAtSeconds * 1_000) / 86_400_000);
  return [
    finding(
      'old-snapshot',
      'info',
      'old snapshot',
      `${snapshots} snapshots, the oldest ${days} days`,
      virsh(host, 'snapshot-list', nameFor(vm)),
    ),
  ];
};

/** Each disk with its rates. */
function* hotDisks(vm: Vm): Generator<{ disk: Disk; iops: number }> {
  for (const disk of vm.facts?.disks ?? []) {
    const rates = vm.rates?.blocks.get(disk.target);
    const iops = (rates?.readRequests ?? 0) + (rates?.writeRequests ?? 0);
    if (disk.device === 'disk' && iops >= HOT_IOPS) yield { disk, iops };
  }
}

export const diskThreads: Rule = (vm, host) =>
  [...hotDisks(vm)].flatMap(({ disk, iops }) => {
    // QEMU's default is threads.
    const threads = disk.io === undefined || disk.io === 'threads';
    if (!threads || disk.format !== 'raw') return [];
    return [
      finding(
        'io-threads',
        'warn',
        `${disk.target} is a busy raw disk with io=threads`,
        `${count(iops)} requests/s`,
        tune(vm, host, 'oltp-database'),
      ),
    ];
  });

export const diskWithoutIoThread: Rule = (vm, host) =>
  [...hotDisks(vm)].flatMap(({ disk, iops }) =>
    disk.bus !== 'virtio' || ioThreadsOf(disk).length > 0 || iops < HOT_IOPS * 5
      ? []
      : [
          finding(
            'no-iothread',
            'info',
            `${disk.target} is busy and has no iothread: it shares QEMU's main loop`,
            `${count(iops)} requests/s`,
            tune(vm, host, 'oltp-database'),
          ),
        ],
  );

export const unsafeCache: Rule = (vm, host) =>
  (vm.facts?.disks ?? []).flatMap((disk) =>
    disk.cache === 'unsafe'
      ? [
          finding(
            'unsafe-cache',
            'warn',
            `${disk.target} ignores flushes: a host crash loses data that the guest considers written`,
            'cache=unsafe',
            tune(vm, host, 'balanced'),
          ),
        ]
      : [],
  );

export const slowDisk: Rule = (vm, host) =>
  [...(vm.rates?.blocks ?? [])].flatMap(([target, rates]) => {
    const slow = (
      [
        ['reads', rates.readNs, rates.readRequests],
        ['writes', rates.writeNs, rates.writeRequests],
        ['flushes', rates.flushNs, rates.flushRequests],
      ] as const
    ).flatMap(([what, ns, requests]) => {
      const ms = latencyMs(ns, requests);
      return ms !== undefined && ms > LATENCY_BAD_MS && (requests ?? 0) > 1
        ? [`${what} ${milliseconds(ms)} ms`]
        : [];
    });
    return slow.length === 0
      ? []
      : [
          finding(
            'slow-disk',
            'warn',
            `high request latency on ${target}`,
            slow.join(', '),
            virsh(host, 'domblkinfo', nameFor(vm), target),
          ),
        ];
  });

export const diskErrors: Rule = (vm, host) =>
  [...(vm.rates?.blocks ?? [])].flatMap(([target, { errors }]) =>
    (errors ?? 0) > 0
      ? [
          finding(
            'disk-errors',
            'bad',
            `failed requests on ${target}`,
            `${count(errors ?? 0)} errors/s`,
            virsh(host, 'domblkerror', nameFor(vm)),
          ),
        ]
      : [],
  );
