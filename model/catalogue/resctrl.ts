import { LIBVIRT_FEATURES } from '../libvirt-features.ts';
import type { ResctrlMonitor, ResctrlPart } from '../stats/monitors.ts';
import type { Group, Point } from './metric.ts';

const NEEDS = 'a CPU with such monitors (Intel RDT, AMD QoS), resctrl mounted, and';

export const resctrlGroup = {
  name: 'resctrl',
  help: 'CPU cache, memory bandwidth and core energy monitoring of each VM (resctrl).',
  byDefault: true,
  costs: 'Only for VMs whose XML has such a monitor.',
  metrics: [
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_cache_occupancy_bytes',
      help: 'Cache occupancy of the vCPUs of the monitor, by cache (bank), in bytes.',
      labels: ['monitor', 'vcpus', 'bank'],
      since: '4.10.0',
      needs: `${NEEDS} <monitor> in a <cachetune> of the VM's XML`,
      when: ({ cacheMonitors }) => cacheMonitors.size > 0,
      points: ({ cacheMonitors }) => pointsOf(cacheMonitors, [['bytes', []]]),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_memory_bandwidth_bytes_total',
      help: 'Bytes transferred by the vCPUs of the monitor, by memory controller (node): total, and local to its NUMA node.',
      labels: ['monitor', 'vcpus', 'node', 'kind'],
      since: '6.0.0',
      needs: `${NEEDS} <monitor> in a <memorytune> of the VM's XML`,
      when: ({ bandwidthMonitors }) => bandwidthMonitors.size > 0,
      points: ({ bandwidthMonitors }) =>
        pointsOf(bandwidthMonitors, [
          ['totalBytes', ['total']],
          ['localBytes', ['local']],
        ]),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_core_energy_joules_total',
      help: 'Energy that the cores used for the vCPUs of the monitor, by CPU package, in joules.',
      labels: ['monitor', 'vcpus', 'package'],
      needs: `${NEEDS} <monitor> in an <energytune> of the VM's XML`,
      since: LIBVIRT_FEATURES.energyMonitors.libvirt,
      when: ({ energyMonitors }) => energyMonitors.size > 0,
      points: ({ energyMonitors }) => pointsOf(energyMonitors, [['coreEnergyJoules', []]]),
    },
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_core_activity_farads_total',
      help: 'Energy of the cores without the effect of their frequency and voltage, by CPU package, in farads.',
      labels: ['monitor', 'vcpus', 'package'],
      needs: `${NEEDS} <monitor> in an <energytune> of the VM's XML`,
      since: LIBVIRT_FEATURES.energyMonitors.libvirt,
      when: ({ energyMonitors }) => energyMonitors.size > 0,
      points: ({ energyMonitors }) => pointsOf(energyMonitors, [['coreActivityFarads', []]]),
    },
  ],
} as const satisfies Group;

/** A part without a number is identified by libvirt's index; the first of two series with the same labels is kept. */
function* pointsOf(
  monitors: ReadonlyMap<number, ResctrlMonitor>,
  figures: readonly (readonly [key: keyof ResctrlPart, labels: readonly string[]])[],
): Generator<Point> {
  const seen = new Set<string>();
  for (const [index, { name, vcpus, parts }] of monitors) {
    for (const [partIndex, part] of parts) {
      for (const [key, labels] of figures) {
        const value = part[key];
        const values = [name ?? String(index), vcpus ?? '', String(part.id ?? partIndex), ...labels];
        const identity = JSON.stringify(values);
        if (value === undefined || seen.has(identity)) continue;
        seen.add(identity);
        yield [values, value];
      }
    }
  }
}
