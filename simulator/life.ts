import type { Effects } from './effects.ts';
import type { Storage } from './storage.ts';
import type { SimulatedVm } from './vm.ts';
import type { VmFacts } from './vm-facts.ts';
import type { Demand } from './workload.ts';

const NS_PER_MS = 1e6;
/** Every few seconds the scheduler moves a vCPU to another of the CPUs that it may run on. */
const MOVE_MS = 5_000;

/** A VM that runs in a step, with all that decides what it does. */
export interface Running {
  readonly vm: SimulatedVm;
  readonly facts: VmFacts;
  readonly effects: Effects;
  readonly demand: Demand;
}

/** What all VMs of a host share in a step. */
export interface Surroundings {
  readonly everywhere: readonly number[];
  readonly storage: Storage;
}

/** What a VM does in a step, given the share of CPU that it gets: one that waits also asks its disks for less. */
export function live(
  { vm, facts, effects, demand }: Running,
  stepMs: number,
  atMs: number,
  { everywhere, storage }: Surroundings,
  shareOf: (key: string) => number,
): void {
  const seconds = stepMs / 1_000;
  const wantedNs = Math.round(demand.cpuPerVcpu * stepMs * NS_PER_MS);
  let shares = 0;
  effects.places.forEach(({ cpus, key }, id) => {
    const vcpu = vm.vcpus[id];
    if (vcpu === undefined) return;
    const share = shareOf(key);
    shares += share;
    const ranNs = Math.round(wantedNs * share);
    vcpu.timeNs += ranNs;
    vcpu.delayNs += wantedNs - ranNs;
    vcpu.waitNs += Math.round(demand.readRequests * seconds * 20_000);
    const allowed = cpus === undefined ? everywhere : [...cpus];
    vcpu.cpu = allowed[(vm.seed + id * 7 + Math.floor(atMs / MOVE_MS) * 5) % allowed.length] ?? 0;
    vm.cpuUserNs += Math.round(ranNs * 0.04);
    vm.cpuSystemNs += Math.round(ranNs * 0.06);
  });
  const pace = facts.vcpusCurrent === 0 ? 0 : (shares / facts.vcpusCurrent) * effects.pace;
  vm.disks.forEach((counters, index) => {
    const times = effects.disks[index];
    if (times === undefined) return;
    // The last disk is the data disk and takes nine tenths.
    const part =
      vm.disks.length === 1 ? 1 : index === vm.disks.length - 1 ? 0.9 : 0.1 / (vm.disks.length - 1);
    const reads = Math.round(demand.readRequests * part * pace * storage.share * seconds);
    const writes = Math.round(demand.writeRequests * part * pace * storage.share * seconds);
    const flushes = Math.round(demand.flushRequests * part * pace * seconds);
    if (counters.measured.isWanted) {
      counters.measured.add({
        atMs,
        stepMs,
        requests: {
          read: { count: reads, ns: storage.timeNs(times.readNs) },
          write: { count: writes, ns: storage.timeNs(times.writeNs) },
          flush: { count: flushes, ns: storage.timeNs(times.flushNs) },
        },
      });
    }
    counters.readRequests += reads;
    counters.readBytes += reads * demand.requestBytes;
    counters.readNs += Math.round(reads * storage.timeNs(times.readNs));
    counters.writeRequests += writes;
    counters.writeBytes += writes * demand.requestBytes;
    counters.writeNs += Math.round(writes * storage.timeNs(times.writeNs));
    counters.flushRequests += flushes;
    counters.flushNs += Math.round(flushes * storage.timeNs(times.flushNs));
  });
  for (const nic of vm.nics) {
    const packets = Math.round((demand.packets * pace * seconds) / vm.nics.length);
    nic.rxPackets += packets;
    nic.rxBytes += packets * demand.packetBytes;
    nic.txPackets += packets;
    nic.txBytes += Math.round(packets * demand.packetBytes * 1.6);
  }
  vm.minorFaults += Math.round(demand.cpuPerVcpu * facts.vcpusCurrent * 400 * seconds);
  const period = facts.balloonPeriodSeconds;
  if (period > 0) vm.lastUpdateSeconds = Math.floor(atMs / 1_000 / period) * period;
}
