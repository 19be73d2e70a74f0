import type { HostObservation, ObservedVm } from './observation.ts';

/** Defaults of cgroup v1 and v2: a VM has one of them unless a user has set its shares. */
const DEFAULT_SHARES = [1_024, 100] as const;

/** CPU shares of the host's VMs that no user has limited. */
interface Usual {
  readonly shares: number;
  /** Shares are per vCPU: Nova (until 2023) and CloudStack set them in proportion to vCPUs. */
  readonly isPerVcpu: boolean;
}

/** VMs with fewer CPU shares than usual: they wait on purpose. */
export function hasReducedShares(vm: ObservedVm, observation: HostObservation): boolean {
  const own = observation.cpuShares?.get(vm.uuid);
  return own !== undefined && own < usualSharesOf(vm, usualOf(observation));
}

/** Weight of a VM's control group relative to the others; the usual one where it is unknown. */
export function weightOf(vm: ObservedVm, observation: HostObservation): number {
  const usual = usualOf(observation);
  return (observation.cpuShares?.get(vm.uuid) ?? usualSharesOf(vm, usual)) / usual.shares;
}

const usualSharesOf = ({ vcpus }: ObservedVm, { shares, isPerVcpu }: Usual): number =>
  isPerVcpu ? shares * Math.max(1, vcpus) : shares;

/** Cached, since it is needed for each VM of an observation, which never changes. */
const usualByObservation = new WeakMap<HostObservation, Usual>();

function usualOf(observation: HostObservation): Usual {
  const before = usualByObservation.get(observation);
  if (before !== undefined) return before;
  const usual = usualAmong(observation);
  usualByObservation.set(observation, usual);
  return usual;
}

/**
 * A default that some VM has; else the largest value, since fewer shares are a limit. Shares per vCPU take precedence
 * if more VMs, of several sizes, agree on them.
 */
function usualAmong({ vms, cpuShares }: HostObservation): Usual {
  const known = vms.flatMap(({ uuid, vcpus }) => {
    const shares = cpuShares?.get(uuid);
    return shares === undefined || vcpus <= 0 ? [] : [{ vcpus, shares }];
  });
  const whole = DEFAULT_SHARES.find((each) => known.some(({ shares }) => shares === each));
  const plain = known.filter(({ shares }) => shares === whole).length;
  const [perVcpu] = [...Map.groupBy(known, ({ vcpus, shares }) => shares / vcpus)]
    .filter(([, alike]) => alike.length > plain && new Set(alike.map(({ vcpus }) => vcpus)).size > 1)
    .toSorted(([, a], [, b]) => b.length - a.length);
  if (perVcpu !== undefined) return { shares: perVcpu[0], isPerVcpu: true };
  return { shares: whole ?? Math.max(1, ...known.map(({ shares }) => shares)), isPerVcpu: false };
}
