import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { Element } from '../../model/xml.ts';
import type { DomainCapabilities } from './domain-capabilities.ts';
import type { LocalHost } from './local-host.ts';
import { cpusetOfPartition } from './vm-cpusets.ts';

/** What is needed of a connection to read a host. */
export interface Reader {
  readonly readOnly: boolean;
  call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    options?: { readonly timeoutMs?: number | undefined },
  ): Promise<CallResult<N>>;
}

/** The same, each call with this deadline instead of its default. */
export function patientReader(reader: Reader, timeoutMs: number | undefined): Reader {
  if (timeoutMs === undefined) return reader;
  return {
    readOnly: reader.readOnly,
    call: (name, args) => reader.call(name, args, { timeoutMs }),
  };
}

export interface CellMemory {
  readonly id: number;
  readonly freeKiB: number | undefined;
  readonly pages: readonly { readonly sizeKiB: number; readonly total: number; readonly free: number }[];
}

/** What the tuner knows of a host, at one time. */
export interface HostFacts {
  readonly uri: string;
  readonly hostname: string;
  /** As libvirt counts: major * 1,000,000 + minor * 1,000 + micro. */
  readonly libvirtVersion: number;
  readonly qemuVersion: number;
  readonly topology: HostTopology;
  readonly online: CpuSet;
  /** CPUs that no VM gets, where somebody has said which; absent: placement's own choice. */
  readonly hostCpus?: CpuSet | undefined;
  readonly cells: readonly CellMemory[];
  /** libvirt's names without `shm_`; empty where the host has no KSM. */
  readonly ksm: ReadonlyMap<string, number>;
  /** Read from /proc and /sys; absent when virtune does not run on the host. */
  readonly local: LocalHost | undefined;
}

/** CPUs that are online and that VMs may have. */
export function vmCpusOf({ online, local }: Pick<HostFacts, 'online' | 'local'>): CpuSet {
  return local?.vmCpus === undefined ? online : online.intersection(local.vmCpus);
}

/**
 * CPUs of these on which a thread of a VM runs: any of its pin's; without a pin, all that it may use where these are all among
 * them. A thread that can run elsewhere is moved away by the kernel.
 * @param cpuSet `<vcpu cpuset>`, for threads without a pin
 */
export function cpusInUse(
  cpus: CpuSet,
  { pin, cpuSet, host }: { pin: CpuSet | undefined; cpuSet: CpuSet | undefined; host: HostFacts },
): CpuSet {
  if (pin !== undefined) return pin.intersection(cpus);
  const usable = vmCpusOf(host);
  const free = cpuSet?.intersection(usable) ?? usable;
  return free.size > 0 && free.isSubsetOf(cpus) ? free : CpuSet.empty;
}

/** NUMA cells that VMs may have memory of; all where no control group says. */
export function vmMemoryCellsOf({ topology, local }: Pick<HostFacts, 'topology' | 'local'>): CpuSet {
  const all = CpuSet.of(topology.cells.map(({ id }) => id));
  return local?.vmMemoryCells === undefined ? all : all.intersection(local.vmMemoryCells);
}

/** The host as a domain's own control group lets it see it: that of the partition that its XML names, if it names one. */
export function hostOfDomain(host: HostFacts, { partition }: Pick<DomainFacts, 'partition'>): HostFacts {
  const { local } = host;
  if (local?.cpusets === undefined || partition === undefined) return host;
  const { cpus: vmCpus, memoryCells: vmMemoryCells } = cpusetOfPartition(local.cpusets, partition);
  const all = local.allIsolatedCpus;
  const isolatedCpus = vmCpus === undefined ? all : all?.intersection(vmCpus);
  return { ...host, local: { ...local, vmCpus, vmMemoryCells, isolatedCpus } };
}

/** Cells that a domain's control group confines its memory to, for `pageInventory`; undefined where all are allowed. */
export function memoryCellsOn(host: HostFacts): (facts: DomainFacts) => CpuSet | undefined {
  const all = CpuSet.of(host.topology.cells.map(({ id }) => id));
  return (facts) => {
    const allowed = vmMemoryCellsOf(hostOfDomain(host, facts));
    return allowed.equals(all) ? undefined : allowed;
  };
}

/** One of a domain's two descriptions. */
export interface DomainView {
  readonly xml: string;
  readonly root: Element;
  readonly facts: DomainFacts;
}

/** A domain as it stands: what runs, and what the next boot will take. */
export interface DomainState {
  readonly domain: Domain;
  /** Absent while it does not run. */
  readonly live: DomainView | undefined;
  /** Absent for a transient domain. With secrets when read for writing: it is what an undo defines again. */
  readonly inactive: DomainView | undefined;
  /** Of its emulator, architecture and machine type; absent where libvirt does not report it. */
  readonly capabilities: DomainCapabilities | undefined;
  /** Targets of raw image files all of whose blocks are allocated; absent where virtune cannot look. */
  readonly preallocated?: ReadonlySet<string> | undefined;
}
