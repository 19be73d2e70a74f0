import { CpuSet } from '../../model/cpu-set.ts';
import { claimsOf } from '../../model/dedicated.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { cellCpus, type HostTopology } from '../../model/topology.ts';
import { dedicatedCpus } from './assign.ts';
import type { Assignment } from './types.ts';

/** A VM without CPUs to itself, and how crowded the CPUs are that it shares: before a placement, and after it. */
export interface SharingVm {
  readonly guest: string;
  /** It is among the VMs that are placed. */
  readonly named: boolean;
  readonly vcpus: number;
  readonly before: Share | undefined;
  readonly after: Share;
}

export interface Share {
  /** CPUs that it may use and that nobody has to himself. */
  readonly cpus: CpuSet;
  /** vCPUs that want these CPUs, for each of them: the overcommit ratio that this VM sees. */
  readonly ratio: number;
}

/** All VMs that share CPUs, together. */
export interface SharedPool {
  readonly vcpus: number;
  readonly cpus: CpuSet;
  /** The highest ratio that any VM sees; 0 where nobody shares. */
  readonly worstRatio: number;
  /** CPUs that no VM may use, and that are not kept for the host. */
  readonly idleCpus: CpuSet;
  /** Of these, the other threads of cores on which vCPUs are alone. */
  readonly idleSiblings: CpuSet;
}

/** What a placement does to those that share CPUs. */
export interface Sharing {
  readonly before: SharedPool;
  readonly after: SharedPool;
  readonly vms: readonly SharingVm[];
}

export interface SharingInput {
  readonly topology: HostTopology;
  readonly online: CpuSet;
  /** Kept from the kernel's scheduler: nobody shares these. */
  readonly isolated: CpuSet;
  /** Kept for the host. */
  readonly hostCpus: CpuSet;
  /** The domains that run, as they run. */
  readonly running: readonly { readonly name: string; readonly live: DomainFacts }[];
  readonly assignments: readonly Assignment[];
  /** Domains that are planned for; those without an assignment keep their pins, or lose them when in `unpinned`. */
  readonly named: ReadonlySet<string>;
  readonly unpinned: ReadonlySet<string>;
}

/** Compares who shares which CPUs now with who will. Only running VMs count: those that are off use no CPU. */
export function sharingOf(input: SharingInput): Sharing {
  const before = input.running.map(({ name, live }) => useOf(name, live, input.topology));
  const byGuest = new Map(input.assignments.map((assignment) => [assignment.guest, assignment]));
  const after = before.map((use) => {
    const assignment = byGuest.get(use.guest);
    if (assignment !== undefined) return assignedUse(use.guest, assignment);
    return input.unpinned.has(use.guest) ? unpinnedUse(use) : use;
  });
  const [then, now] = [new Crowd(input, after), new Crowd(input, before)];
  return {
    before: now.pool(),
    after: then.pool(),
    vms: after.flatMap((use, index): SharingVm[] => {
      const share = then.shareOf(use);
      const earlier = before[index];
      if (share === undefined) return [];
      const vcpus = vcpusOf(use);
      const was = earlier && now.shareOf(earlier);
      return [{ guest: use.guest, named: input.named.has(use.guest), vcpus, before: was, after: share }];
    }),
  };
}

/** What a VM uses of the host's CPUs. */
interface Use {
  readonly guest: string;
  readonly own: CpuSet;
  readonly helpers: CpuSet;
  readonly ranges: readonly Range[];
}

interface Range {
  /** Absent: anywhere. */
  readonly cpus: CpuSet | undefined;
  readonly vcpus: number;
}

function useOf(guest: string, { cpu }: DomainFacts, topology: HostTopology): Use {
  const { vcpus, helpers, ranges } = claimsOf(cpu, topology);
  return { guest, own: vcpus, helpers, ranges };
}

function assignedUse(guest: string, assignment: Assignment): Use {
  const { kind, vcpus, sharedVcpus = CpuSet.empty, emulator, ioThreads } = assignment;
  const own = dedicatedCpus(assignment);
  const shared = vcpus.filter((_, vcpu) => kind === 'node' || sharedVcpus.has(vcpu));
  return {
    guest,
    own,
    helpers: kind === 'node' ? CpuSet.empty : emulator.union(ioThreads).difference(own),
    ranges: shared.length === 0 ? [] : [{ cpus: shared[0], vcpus: shared.length }],
  };
}

const unpinnedUse = ({ guest, own, ranges }: Use): Use => ({
  guest,
  own: CpuSet.empty,
  helpers: CpuSet.empty,
  ranges: [{ cpus: undefined, vcpus: own.size + vcpusOf({ ranges }) }],
});

const vcpusOf = ({ ranges }: Pick<Use, 'ranges'>): number =>
  ranges.reduce((sum, { vcpus }) => sum + vcpus, 0);

/** All VMs at one time. A vCPU that may run on several CPUs is an equal part of a vCPU on each. */
class Crowd {
  readonly #input: SharingInput;
  readonly #uses: readonly Use[];
  readonly #owned: CpuSet;
  /** vCPUs for each CPU. */
  readonly #vcpusOn = new Map<number, number>();

  constructor(input: SharingInput, uses: readonly Use[]) {
    this.#input = input;
    this.#uses = uses;
    // Helpers on the host's CPUs share these with the host, and with whoever floats there.
    this.#owned = uses.reduce(
      (all, { own, helpers }) => all.union(own).union(helpers.difference(input.hostCpus)),
      CpuSet.empty,
    );
    for (const range of uses.flatMap(({ ranges }) => ranges)) {
      const cpus = this.#cpusOf(range);
      for (const cpu of cpus) this.#vcpusOn.set(cpu, (this.#vcpusOn.get(cpu) ?? 0) + range.vcpus / cpus.size);
    }
  }

  shareOf(use: Use): Share | undefined {
    if (use.ranges.length === 0) return undefined;
    const cpus = CpuSet.of(use.ranges.flatMap((range) => [...this.#cpusOf(range)]));
    const vcpus = [...cpus].reduce((sum, cpu) => sum + (this.#vcpusOn.get(cpu) ?? 0), 0);
    return { cpus, ratio: cpus.size === 0 ? vcpusOf(use) : vcpus / cpus.size };
  }

  pool(): SharedPool {
    const shares = this.#uses.flatMap((use) => this.shareOf(use) ?? []);
    const cpus = CpuSet.of(shares.flatMap((share) => [...share.cpus]));
    const idleCpus = this.#input.online
      .difference(this.#input.hostCpus)
      .difference(this.#owned)
      .difference(cpus);
    return {
      vcpus: this.#uses.reduce((sum, use) => sum + vcpusOf(use), 0),
      cpus,
      worstRatio: Math.max(0, ...shares.map(({ ratio }) => ratio)),
      idleCpus,
      idleSiblings: idleCpus.intersection(this.#siblings()),
    };
  }

  /** CPUs that nobody has to himself; where others have taken all of them, those that it was given. */
  #cpusOf({ cpus = this.#input.online.difference(this.#input.isolated) }: Range): CpuSet {
    const free = cpus.intersection(this.#input.online).difference(this.#owned);
    return free.size === 0 ? cpus : free;
  }

  /** Threads of cores that have vCPUs of their own on them. */
  #siblings(): CpuSet {
    const own = CpuSet.of(this.#uses.flatMap((use) => [...use.own]));
    return this.#input.topology.cells
      .flatMap((cell) => cell.cpus.filter(({ id }) => cellCpus(cell).has(id)))
      .filter(({ id }) => own.has(id))
      .reduce((all, { siblings }) => all.union(siblings), CpuSet.empty)
      .difference(own);
  }
}
