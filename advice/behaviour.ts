import { dedicatedCpu } from '../model/dedicated.ts';
import { drivesHostDevices } from './host-ties.ts';
import type { ObservedVm } from './observation.ts';

/** A database commits: it flushes often, and its requests are many and small. */
const DATABASE_FLUSHES = 20;
const DATABASE_REQUESTS = 100;
const DATABASE_REQUEST_BYTES = 65_536;

/** CPUs per vCPU from which a VM counts as a batch VM. */
const BATCH_CPUS = 0.1;
/** Share of flushes in its requests: a VM that users wait for makes writes durable. Also valid under contention. */
const BATCH_FLUSH_SHARE = 0.03;
const REQUESTS_MIN = 10;
/** Packets per second of a VM that serves others. */
const BATCH_PACKETS = 3_000;

/** Whether a VM behaves like a database, whatever its name. Unknown counts as no. */
export function isDatabase({ disks }: ObservedVm): boolean {
  for (const { requests, flushes, bytes } of disks.values()) {
    const perSecond = requests.median ?? 0;
    if (
      (flushes.median ?? 0) >= DATABASE_FLUSHES &&
      perSecond >= DATABASE_REQUESTS &&
      (bytes.median ?? 0) / perSecond <= DATABASE_REQUEST_BYTES
    )
      return true;
  }
  return false;
}

/**
 * Whether a VM runs batch work: much CPU, few flushes and packets, and no dedicated CPUs or huge pages, which users
 * reserve for VMs that matter. Unknown counts as no.
 */
export function isBatch(vm: ObservedVm): boolean {
  const demand = (vm.runCpus.mean ?? 0) + (vm.delayCpus.mean ?? 0);
  const sum = (values: Iterable<number | undefined>): number =>
    [...values].reduce<number>((all, value) => all + (value ?? 0), 0);
  const disks = [...vm.disks.values()];
  // Means, since with a commit every other second most samples show none.
  const requests = sum(disks.map((disk) => disk.requests.mean));
  const flushes = sum(disks.map((disk) => disk.flushes.mean));
  return (
    vm.vcpus > 0 &&
    demand / vm.vcpus >= BATCH_CPUS &&
    flushes <= BATCH_FLUSH_SHARE * Math.max(requests, REQUESTS_MIN) &&
    sum([...vm.nics.values()].map(({ packets }) => packets.mean)) < BATCH_PACKETS &&
    !vm.places.some(({ cpus }) => cpus !== undefined && dedicatedCpu(cpus) !== undefined) &&
    vm.facts?.memory.hugepages === undefined &&
    hasKnownDisks(vm) &&
    hasKnownNics(vm)
  );
}

/** Whether each disk has figures of requests and flushes; a disk without them may belong to a database. */
export function hasKnownDisks(vm: ObservedVm): boolean {
  const { facts, disks } = vm;
  if (facts === undefined || drivesHostDevices(vm)) return false;
  return facts.disks
    .filter(({ device }) => WRITABLE_DEVICES.has(device))
    .every(({ target }) => {
      const series = disks.get(target);
      return series !== undefined && series.requests.count > 0 && series.flushes.count > 0;
    });
}

/** CD-ROM and floppy drives have no figures while they are empty. */
const WRITABLE_DEVICES: ReadonlySet<string> = new Set(['disk', 'lun']);

/** Whether the figures cover all that it sends and receives. libvirt has none for vhost-user and user-mode NICs. */
function hasKnownNics({ facts, nics }: ObservedVm): boolean {
  return (facts?.interfaces ?? []).every(
    ({ name }) => name !== undefined && (nics.get(name)?.packets.count ?? 0) > 0,
  );
}
