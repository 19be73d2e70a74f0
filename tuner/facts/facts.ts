import type { CallArgs, CallName, CallResult } from '../../libvirt/calls/all.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import type { HostTopology } from '../../model/topology.ts';
import type { Element } from '../../model/xml.ts';
import type { DomainCapabilities } from './domain-capabilities.ts';
import type { LocalHost } from './local-host.ts';
import { cpusetOfPartition } from './vm-cpusets.ts';

/** The part of a connection needed to read a host. */
export interface Reader {
  readonly readOnly: boolean;
  call<N extends CallName>(
    name: N,
    args: CallArgs<N>,
    options?: { readonly timeoutMs?: number | undefined },
  ): Promise<CallResult<N>>;
}

/** A reader that uses this deadline instead of each call's default. */
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

/** What the tuner knows about a host at one point in time. */
export interface HostFacts {
  readonly uri: string;
  readonly hostname: string;
  /** In libvirt's encoding: major * 1,000,000 + minor * 1,000 + micro. */
  readonly libvirtVersion: number;
  readonly qemuVersion: number;
  readonly topology: HostTopology;
  readonly online: CpuSet;
  /** CPUs reserved for the host, if configured; absent: placement's own choice. */
  readonly hostCpus?: CpuSet | undefined;
  readonly cells: readonly CellMemory[];
  /** By libvirt's names without `shm_`; empty if the host has no KSM. */
  readonly ksm: ReadonlyMap<string, number>;
  /** Read from /proc and /sys; absent if virtune does not run on the host. */
  readonly local: LocalHost | undefined;
}

/** Online CPUs available to VMs. */
export function vmCpusOf({ online, local }: Pick<HostFacts, 'online' | 'local'>): CpuSet {
  return local?.vmCpus === undefined ? online : online.intersection(local.vmCpus);
}

/**
 * Those of these CPUs that a VM's thread occupies. With a pin: the ones in the pin. Without: all CPUs that it may use,
 * if all of them are among these; a thread that can run elsewhere is moved away by the kernel.
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

/** NUMA cells whose memory VMs may use; all if no control group restricts them. */
export function vmMemoryCellsOf({ topology, local }: Pick<HostFacts, 'topology' | 'local'>): CpuSet {
  const all = CpuSet.of(topology.cells.map(({ id }) => id));
  return local?.vmMemoryCells === undefined ? all : all.intersection(local.vmMemoryCells);
}

/** The host as seen from a domain's own control group: that of the partition in its XML, if any. */
export function hostOfDomain(host: HostFacts, { partition }: Pick<DomainFacts, 'partition'>): HostFacts {
  const { local } = host;
  if (local?.cpusets === undefined || partition === undefined) return host;
  const { cpus: vmCpus, memoryCells: vmMemoryCells } = cpusetOfPartition(local.cpusets, partition);
  const all = local.allIsolatedCpus;
  const isolatedCpus = vmCpus === undefined ? all : all?.intersection(vmCpus);
  return { ...host, local: { ...local, vmCpus, vmMemoryCells, isolatedCpus } };
}

/** Cells to which a domain's control group confines its memory, for `pageInventory`; undefined if all are allowed. */
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

/** A domain's present state: what runs, and what the next boot will use. */
export interface DomainState {
  readonly domain: Domain;
  /** Absent if it is not running. */
  readonly live: DomainView | undefined;
  /** Absent for a transient domain. Includes secrets when read for writing, since an undo defines it again. */
  readonly inactive: DomainView | undefined;
  /** Capabilities of its emulator, architecture and machine type; absent if libvirt does not report them. */
  readonly capabilities: DomainCapabilities | undefined;
  /** Targets of fully allocated raw image files; absent if virtune cannot look. */
  readonly preallocated?: ReadonlySet<string> | undefined;
}
