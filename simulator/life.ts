import type { CpuPart } from '../model/cpu-schedule/share-out.ts';
import { diskDemand } from './disk-demand.ts';
import type { Running } from './running.ts';
import { guestReport } from './stats.ts';
import type { Storage } from './storage.ts';

const NS_PER_MS = 1e6;
/** Latency of requests to a disk that wants more than its limits allow: they wait in QEMU's throttle queue. */
const THROTTLED_NS = 100e6;
/** Every few seconds the scheduler migrates a vCPU to another of its allowed CPUs. */
const MOVE_MS = 5_000;

/** State shared by all VMs of a host in a step. */
export interface Surroundings {
  readonly everywhere: readonly number[];
  readonly storage: Storage;
}

/**
 * Simulates a step of a VM with the CPU time that it gets: a VM with run queue delay also sends fewer disk requests.
 */
export function live(
  running: Running,
  stepMs: number,
  atMs: number,
  { everywhere, storage }: Surroundings,
  parts: readonly CpuPart[],
): void {
  const { vm, facts, effects, demand } = running;
  const seconds = stepMs / 1_000;
  const wantedNs = Math.round(demand.cpuPerVcpu * stepMs * NS_PER_MS);
  let shares = 0;
  effects.placeOf.forEach((place, id) => {
    const vcpu = vm.vcpus[id];
    if (vcpu === undefined) return;
    const share = parts[place]?.share ?? 1;
    shares += demand.cpuPerVcpu <= effects.cap ? share : (share * effects.cap) / demand.cpuPerVcpu;
    const ranNs = Math.round(Math.min(demand.cpuPerVcpu, effects.cap) * stepMs * NS_PER_MS * share);
    vcpu.timeNs += ranNs;
    vcpu.delayNs += wantedNs - ranNs;
    vcpu.waitNs += Math.round(demand.readRequests * seconds * 20_000);
    const cpus = effects.places[place]?.cpus;
    const allowed = cpus === undefined ? everywhere : [...cpus];
    vcpu.cpu = allowed[(vm.seed + id * 7 + Math.floor(atMs / MOVE_MS) * 5) % allowed.length] ?? 0;
    vm.cpuUserNs += Math.round(ranNs * 0.04);
    vm.cpuSystemNs += Math.round(ranNs * 0.06);
  });
  const pace = facts.vcpusCurrent === 0 ? 0 : (shares / facts.vcpusCurrent) * effects.pace;
  vm.disks.forEach((counters, index) => {
    const times = effects.disks[index];
    if (times === undefined) return;
    const {
      reads: readsWanted,
      writes: writesWanted,
      flushes: flushesWanted,
      isThrottled,
    } = diskDemand(running, index, pace);
    const reads = Math.round(readsWanted * storage.share * seconds);
    const writes = Math.round(writesWanted * storage.share * seconds);
    const flushes = Math.round(flushesWanted * seconds);
    const timeNs = (ns: number): number => Math.max(isThrottled ? THROTTLED_NS : 0, storage.timeNs(ns));
    if (counters.measured.isWanted) {
      counters.measured.add({
        atMs,
        stepMs,
        requests: {
          read: { count: reads, ns: timeNs(times.readNs) },
          write: { count: writes, ns: timeNs(times.writeNs) },
          flush: { count: flushes, ns: storage.timeNs(times.flushNs) },
        },
      });
    }
    counters.readRequests += reads;
    counters.readBytes += reads * demand.requestBytes;
    counters.readNs += Math.round(reads * timeNs(times.readNs));
    counters.writeRequests += writes;
    counters.writeBytes += writes * demand.requestBytes;
    counters.writeNs += Math.round(writes * timeNs(times.writeNs));
    counters.flushRequests += flushes;
    counters.flushNs += Math.round(flushes * storage.timeNs(times.flushNs));
  });
  for (const nic of vm.nics) {
    const packets = Math.round((demand.packets * pace * seconds) / vm.nics.length);
    const dropped = Math.round(packets * vm.spec.nicDropShare);
    nic.rxPackets += packets - dropped;
    nic.rxDrops += dropped;
    nic.rxBytes += (packets - dropped) * demand.packetBytes;
    nic.txPackets += packets;
    nic.txBytes += Math.round(packets * demand.packetBytes * 1.6);
  }
  vm.minorFaults += Math.round(demand.cpuPerVcpu * facts.vcpusCurrent * 400 * seconds);
  const period = facts.balloonPeriodSeconds;
  const reportSeconds = period > 0 ? Math.floor(atMs / 1_000 / period) * period : vm.lastUpdateSeconds;
  if (reportSeconds === vm.lastUpdateSeconds) return;
  vm.lastUpdateSeconds = reportSeconds;
  vm.guestReport = guestReport(vm);
}
