import { ratio } from '../model/format.ts';
import type { Remedy } from './advice.ts';
import { isDatabase } from './behaviour.ts';
import { refOf, tune } from './commands.ts';
import type { Context } from './context.ts';
import type { ObservedVm } from './observation.ts';

/** Profiles that advice proposes, and which of them dedicate CPUs. */
type ProfileName = 'oltp-database' | 'network' | 'balanced';
const DEDICATES: ReadonlySet<ProfileName> = new Set(['oltp-database', 'network']);
/** CPUs for emulator threads and iothreads. */
const HELPER_CPUS = 2;
/** Highest demand of VMs without dedicated CPUs, as a share of the CPUs left to them. */
const ROOMY = 0.85;

/** The profile that fits a VM's behaviour; the database profile only for a VM that commits like one. */
export const profileFor = (vm: ObservedVm): ProfileName => (isDatabase(vm) ? 'oltp-database' : 'balanced');

/**
 * A change that applies a profile; the tuner checks it before it is offered. A profile with dedicated CPUs is proposed
 * only if the remaining CPUs suffice for the VMs that would share them.
 */
export function profileRemedy(
  context: Context,
  vm: ObservedVm,
  fitting: ProfileName,
  gain: string,
  risk = 'most of it takes effect at a restart of the VM; virtune tune rollback undoes it',
): Remedy {
  const { left, asked } = roomAfter(context, vm);
  const isTooMuch = DEDICATES.has(fitting) && left !== undefined && asked > ROOMY * left;
  const name = isTooMuch ? 'balanced' : fitting;
  const ref = refOf(vm);
  return {
    change: `plan the profile ${name} for it${isTooMuch ? `; ${fitting} would leave too few CPUs for other VMs` : ''}`,
    steps: (['plan', 'apply'] as const).map((verb) => ({
      argv: tune(context.uri, verb, name, [ref]),
      vm: ref,
    })),
    cost: !DEDICATES.has(name)
      ? 'none: no CPU and no memory is set aside for it'
      : left === undefined
        ? 'unknown: the CPUs of the host are not reported. Dedicated CPUs are not available to other VMs'
        : `VMs without dedicated CPUs have a demand of ${ratio(asked)} CPUs, and ${left} CPUs remain for them; huge pages are taken from other VMs`,
    payers: [],
    gain,
    risk: `${risk}. Disks bypass the page cache of the host: flushes get faster, writes that it absorbed slower`,
    effect: 'next boot',
    profile: { name, vms: [ref] },
  };
}

/** CPUs that would be left to VMs without pins, and the demand of those VMs. */
function roomAfter(
  { load, observation }: Context,
  vm: ObservedVm,
): { left: number | undefined; asked: number } {
  if (load === undefined) return { left: undefined, asked: 0 };
  const own = load.of(vm);
  const isDedicated = own.length > 0 && own.every(({ floats, cpus, vcpus }) => !floats && cpus.size <= vcpus);
  const asked = load.loads
    .filter((each) => each.vm !== vm && each.floats)
    .reduce((sum, { demand }) => sum + demand, 0);
  const taken = isDedicated ? own.reduce((sum, { cpus }) => sum + cpus.size, 0) : vm.vcpus + HELPER_CPUS;
  // A VM with dedicated CPUs takes isolated ones first.
  const isolated = observation.isolated?.size ?? 0;
  return { left: Math.max(0, load.unclaimed([vm]).size - Math.max(0, taken - isolated)), asked };
}
