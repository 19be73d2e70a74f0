import { bytes } from '../../../model/format.ts';
import { pinnedCpus } from '../../../advice/pins.ts';
import { isRunning, type Vm } from '../vm.ts';
import { finding, nameFor, type Rule, tune, virsh } from './rule.ts';

const LARGE_KIB = 8 * 1_048_576;

export const balloon: Rule = (vm, host) => {
  const { memoryKiB, maximumKiB } = vm.sample.summary;
  if (!isRunning(vm) || memoryKiB === undefined || maximumKiB === undefined) return [];
  if (memoryKiB >= maximumKiB * 0.9) return [];
  const { swapInKiB, majorFaults } = ratesOfMemory(vm);
  const hurts = (swapInKiB ?? 0) > 0 || (majorFaults ?? 0) > 5;
  return [
    finding(
      'balloon-squeezed',
      hurts ? 'bad' : 'warn',
      hurts ? 'balloon inflated and guest swaps' : 'balloon inflated',
      `${bytes(memoryKiB * 1_024)} of ${bytes(maximumKiB * 1_024)}`,
      virsh(host, 'setmem', nameFor(vm), String(maximumKiB), '--live'),
    ),
  ];
};

function ratesOfMemory(vm: Vm): { swapInKiB: number | undefined; majorFaults: number | undefined } {
  return { swapInKiB: vm.rates?.memory.swapInKiB, majorFaults: vm.rates?.memory.majorFaults };
}

export const silentBalloon: Rule = (vm, host) => {
  if (vm.reasons.get('balloon') !== 'no_stats_period' || !isRunning(vm)) return [];
  return [
    finding(
      'no-stats-period',
      'info',
      'no memory statistics: the balloon has no stats period',
      'period 0',
      virsh(host, 'dommemstat', nameFor(vm), '--period', '5', '--live', '--config'),
    ),
  ];
};

export const smallPages: Rule = (vm, host) => {
  const { facts } = vm;
  const maximumKiB = facts?.memory.maximumKiB ?? 0;
  if (facts === undefined || !isRunning(vm) || maximumKiB < LARGE_KIB) return [];
  if (facts.memory.hugepages !== undefined || pinnedCpus(vm.sample) === undefined) return [];
  return [
    finding(
      'small-pages',
      'info',
      'large pinned VM without huge pages',
      `${bytes(maximumKiB * 1_024)} in 4 KiB pages`,
      tune(vm, host, 'oltp-database'),
    ),
  ];
};
