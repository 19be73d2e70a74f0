import type { HostObservation, ObservedVm } from './observation.ts';

/** Defaults of control groups of version 1 and 2: one of them is what VMs have whose shares no user has set. */
const DEFAULT_SHARES = [1_024, 100] as const;

/** What VMs of a host have where no user has limited them. */
interface Usual {
  readonly shares: number;
  /** Of each vCPU: Nova (until 2023) and CloudStack set shares in proportion to vCPUs. */
  readonly isPerVcpu: boolean;
}

/** VMs with fewer CPU shares than usual: they wait on purpose. */
export function isLimited(vm: ObservedVm, observation: HostObservation): boolean {
  const own = observation.cpuShares?.get(vm.uuid);
  return own !== undefined && own < sharesOf(vm, usualOf(observation));
}

/** Of a VM's control group against those of the others; the usual one where it is not known. */
export function weightOf(vm: ObservedVm, observation: HostObservation): number {
  const usual = usualOf(observation);
  return (observation.cpuShares?.get(vm.uuid) ?? sharesOf(vm, usual)) / usual.shares;
}

const sharesOf = ({ vcpus }: ObservedVm, { shares, isPerVcpu }: Usual): number =>
  isPerVcpu ? shares * Math.max(1, vcpus) : shares;

/** Asked for each VM of an observation, which never changes. */
const usualByObservation = new WeakMap<HostObservation, Usual>();

function usualOf(observation: HostObservation): Usual {
  const before = usualByObservation.get(observation);
  if (before !== undefined) return before;
  const usual = usualAmong(observation);
  usualByObservation.set(observation, usual);
  return usual;
}

/**
 * A default, where a VM has it; else the most that any has, since fewer shares are a limit. Unless more VMs, of several sizes, have
 * the same for each vCPU.
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
