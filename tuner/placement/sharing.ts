import { CpuSet } from '../../model/cpu-set.ts';
import { claimsOf } from '../../model/dedicated.ts';
import type { DomainFacts } from '../../model/domain/domain.ts';
import { cellCpus, type HostTopology } from '../../model/topology.ts';
import { dedicatedCpus } from './assign.ts';
import type { Assignment } from './types.ts';

/*
 * VMs that share CPUs: the vCPU:pCPU ratio that each sees before and after a placement, and limits on it.
 */

/**
 * vCPU:pCPU ratio on shared CPUs above which a plan warns. A judgement: below Nova's default for a new host
 * (initial_cpu_allocation_ratio, 4.0), since a plan takes the CPUs away at once.
 */
export const WARN_RATIO = 3;

/**
 * Plans that would push VMs above this ratio are refused, unless `--allow-ratio` permits more: at loads below 100 %,
 * five vCPUs per physical CPU are usually safe (Red Hat, RHEL 10, Configuring and managing Linux virtual machines,
 * 17.6.1 Overcommitting virtual CPUs, 2025).
 */
export const REFUSE_RATIO = 5;

/** Growth up to this factor counts as no change. */
const SAME_RATIO = 1.02;

/** `2.3:1` */
export const ratioText = (ratio: number): string => `${Number(ratio.toFixed(1))}:1`;

/** The VMs that a plan pushes above a ratio, or that are above it and get an even higher one. */
export const pushedAbove = ({ vms }: Sharing, limit: number): SharingVm[] =>
  vms.filter(({ before, after }) => after.ratio > limit && after.ratio > (before?.ratio ?? 1) * SAME_RATIO);

/** A VM without dedicated CPUs, and its share of CPUs before a placement and after it. */
export interface SharingVm {
  readonly guest: string;
  /** Whether it is among the VMs being placed. */
  readonly named: boolean;
  readonly vcpus: number;
  readonly before: Share | undefined;
  readonly after: Share;
}

export interface Share {
  /** CPUs that it may use, excluding those dedicated to other VMs. */
  readonly cpus: CpuSet;
  /** vCPUs per CPU on these CPUs: the overcommit ratio that this VM sees. */
  readonly ratio: number;
}

/** All VMs that share CPUs. */
export interface SharedPool {
  readonly vcpus: number;
  readonly cpus: CpuSet;
  /** The highest ratio that any VM sees; 0 if none shares CPUs. */
  readonly worstRatio: number;
  /** CPUs that no VM may use although they are not reserved for the host. */
  readonly idleCpus: CpuSet;
  /** Of these, the sibling threads of dedicated vCPUs. */
  readonly idleSiblings: CpuSet;
}

/** What a placement changes for VMs that share CPUs. */
export interface Sharing {
  readonly before: SharedPool;
  readonly after: SharedPool;
  readonly vms: readonly SharingVm[];
}

export interface SharingInput {
  readonly topology: HostTopology;
  readonly online: CpuSet;
  /** Isolated from the kernel's scheduler (isolcpus): never shared. */
  readonly isolated: CpuSet;
  /** Reserved for the host. */
  readonly hostCpus: CpuSet;
  /** The running domains with their live definitions. */
  readonly running: readonly {
    readonly name: string;
    readonly live: DomainFacts;
    /** CPUs that its control group allows; absent: all CPUs available to VMs. */
    readonly cpus?: CpuSet | undefined;
  }[];
  readonly assignments: readonly Assignment[];
  /** Domains of the plan; those without an assignment keep their pins, or lose them if listed in `unpinned`. */
  readonly named: ReadonlySet<string>;
  readonly unpinned: ReadonlySet<string>;
}

/** Compares the shared CPUs of all VMs before and after a placement. Counts running VMs only. */
export function sharingOf(input: SharingInput): Sharing {
  const before = input.running.map((each) => presentUse(each, input.topology));
  const byGuest = new Map(input.assignments.map((assignment) => [assignment.guest, assignment]));
  const after = before.map((use) => {
    const assignment = byGuest.get(use.guest);
    if (assignment !== undefined) return assignedUse(use.guest, assignment);
    return input.unpinned.has(use.guest) ? unpinnedUse(use) : use;
  });
  const [later, now] = [new SharedCpus(input, after), new SharedCpus(input, before)];
  return {
    before: now.pool(),
    after: later.pool(),
    vms: after.flatMap((use, index): SharingVm[] => {
      const share = later.shareOf(use);
      const earlier = before[index];
      if (share === undefined) return [];
      const named = input.named.has(use.guest);
      const vcpus = vcpusOf(use);
      return [{ guest: use.guest, named, vcpus, before: earlier && now.shareOf(earlier), after: share }];
    }),
  };
}

/** The host CPUs that a VM uses. */
interface VmCpuUse {
  readonly guest: string;
  /** Dedicated to its vCPUs. */
  readonly dedicated: CpuSet;
  readonly helpers: CpuSet;
  readonly ranges: readonly Range[];
  /** Where it may run without pins; absent: anywhere. */
  readonly allowed: CpuSet | undefined;
}

interface Range {
  /** Absent: anywhere. */
  readonly cpus: CpuSet | undefined;
  readonly vcpus: number;
}

function presentUse(
  { name, live, cpus: allowed }: SharingInput['running'][number],
  topology: HostTopology,
): VmCpuUse {
  const { vcpus, helpers, ranges } = claimsOf(live.cpu, topology);
  return {
    guest: name,
    dedicated: vcpus,
    helpers,
    ranges: ranges.map((range) => ({ ...range, cpus: range.cpus ?? allowed })),
    allowed,
  };
}

function assignedUse(guest: string, assignment: Assignment): VmCpuUse {
  const { kind, vcpus, sharedVcpus = CpuSet.empty, emulator, ioThreads } = assignment;
  const dedicated = dedicatedCpus(assignment);
  const shared = vcpus.filter((_, vcpu) => kind === 'node' || sharedVcpus.has(vcpu));
  return {
    guest,
    dedicated,
    helpers: kind === 'node' ? CpuSet.empty : emulator.union(ioThreads).difference(dedicated),
    ranges: shared.length === 0 ? [] : [{ cpus: shared[0], vcpus: shared.length }],
    allowed: undefined,
  };
}

const unpinnedUse = ({ guest, dedicated, ranges, allowed }: VmCpuUse): VmCpuUse => ({
  guest,
  dedicated: CpuSet.empty,
  helpers: CpuSet.empty,
  ranges: [{ cpus: allowed, vcpus: dedicated.size + vcpusOf({ ranges }) }],
  allowed,
});

const vcpusOf = ({ ranges }: Pick<VmCpuUse, 'ranges'>): number =>
  ranges.reduce((sum, { vcpus }) => sum + vcpus, 0);

/** The shared CPUs of all VMs at one time. A vCPU that may run on several CPUs counts as an equal fraction on each. */
class SharedCpus {
  readonly #input: SharingInput;
  readonly #uses: readonly VmCpuUse[];
  readonly #dedicated: CpuSet;
  /** vCPUs by CPU. */
  readonly #vcpusOn = new Map<number, number>();

  constructor(input: SharingInput, uses: readonly VmCpuUse[]) {
    this.#input = input;
    this.#uses = uses;
    // Helpers on CPUs reserved for the host share them with the host, and with VMs that float there.
    this.#dedicated = uses.reduce(
      (all, { dedicated, helpers }) => all.union(dedicated).union(helpers.difference(input.hostCpus)),
      CpuSet.empty,
    );
    for (const range of uses.flatMap(({ ranges }) => ranges)) {
      const cpus = this.#cpusOf(range);
      for (const cpu of cpus) this.#vcpusOn.set(cpu, (this.#vcpusOn.get(cpu) ?? 0) + range.vcpus / cpus.size);
    }
  }

  shareOf(use: VmCpuUse): Share | undefined {
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
      .difference(this.#dedicated)
      .difference(cpus);
    return {
      vcpus: this.#uses.reduce((sum, use) => sum + vcpusOf(use), 0),
      cpus,
      worstRatio: Math.max(0, ...shares.map(({ ratio }) => ratio)),
      idleCpus,
      idleSiblings: idleCpus.intersection(this.#siblings()),
    };
  }

  /** The range without dedicated CPUs; the whole range if all its CPUs are dedicated. */
  #cpusOf({ cpus = this.#input.online.difference(this.#input.isolated) }: Range): CpuSet {
    const free = cpus.intersection(this.#input.online).difference(this.#dedicated);
    return free.size === 0 ? cpus : free;
  }

  /** Sibling threads of dedicated vCPUs. */
  #siblings(): CpuSet {
    const dedicated = CpuSet.of(this.#uses.flatMap((use) => [...use.dedicated]));
    return this.#input.topology.cells
      .flatMap((cell) => cell.cpus.filter(({ id }) => cellCpus(cell).has(id)))
      .filter(({ id }) => dedicated.has(id))
      .reduce((all, { siblings }) => all.union(siblings), CpuSet.empty)
      .difference(dedicated);
  }
}
