import { percent } from '../../../model/format.ts';
import { cellsOf, pinnedCpus } from '../../../advice/pins.ts';
import { isRunning } from '../vm.ts';
import { finding, type Rule, tune } from './rule.ts';

export const dedicatedTwice: Rule = (vm, host) => {
  const shared = new Map<string, { name: string; cpus: number[] }>();
  for (const pin of vm.facts?.cpu.vcpuPins.values() ?? []) {
    if (!isRunning(vm) || pin.size !== 1 || pin.first === undefined) continue;
    for (const other of host.dedicated.get(pin.first) ?? []) {
      if (other.uuid === vm.sample.domain.uuid) continue;
      const found = shared.get(other.uuid) ?? { name: other.name, cpus: [] };
      if (!found.cpus.includes(pin.first)) found.cpus.push(pin.first);
      shared.set(other.uuid, found);
    }
  }
  return [...shared.values()].map(({ name, cpus }) =>
    finding(
      'dedicated-twice',
      'bad',
      `dedicated CPUs are also pinned to ${name}`,
      `CPU ${cpus.join(',')}`,
      tune(vm, host, 'oltp-database'),
    ),
  );
};

export const overCells: Rule = (vm, host) => {
  const cpus = pinnedCpus(vm.sample);
  if (cpus === undefined || vm.sample.fit?.widerThanCell === true) return [];
  const cells = cellsOf(cpus, host);
  // A VM with guest cells was split on purpose.
  if (cells.length < 2 || (vm.facts?.cpu.cells.length ?? 0) > 1) return [];
  return [
    finding(
      'over-cells',
      'warn',
      'vCPUs are pinned across NUMA cells although it fits one: part of its memory is remote',
      `cells ${cells.join(',')}, pins ${cpus}`,
      tune(vm, host, 'oltp-database'),
    ),
  ];
};

export const memoryFar: Rule = (vm, host) => {
  const share = vm.sample.local?.memoryMap?.remoteShare;
  if (share === undefined || share < 0.2) return [];
  return [
    finding(
      'memory-far',
      share > 0.4 ? 'warn' : 'info',
      'much of its memory is on remote NUMA cells',
      `${percent(share * 100)} % of accesses go to another cell`,
      tune(vm, host, 'oltp-database'),
    ),
  ];
};

export const wide: Rule = (vm, host) => {
  const { widerThanHost, widerThanCell } = vm.sample.fit ?? {};
  const vcpus = vm.sample.summary.vcpus;
  if (widerThanHost === true) {
    return [finding('wider-than-host', 'warn', 'more vCPUs than the host has CPUs', `${vcpus} vCPUs`)];
  }
  if (widerThanCell !== true || (vm.facts?.cpu.cells.length ?? 0) > 1) return [];
  return [
    finding(
      'wider-than-cell',
      'info',
      'exceeds a NUMA cell, but its guest has no NUMA topology',
      `${vcpus} vCPUs`,
      tune(vm, host, 'analytics-database'),
    ),
  ];
};
