import { type FleetHost, type FleetVm, SLOTS } from '../../../advice/fleet/fleet.ts';

export const GIB = 1024 ** 3;

/** A VM with the same demand at all hours. */
export function vmOf(name: string, cpus: number, over: Partial<FleetVm> = {}): FleetVm {
  return {
    uuid: `uuid-${name}`,
    name,
    vcpus: Math.max(1, Math.ceil(cpus)),
    demandCpus: new Float32Array(SLOTS).fill(cpus),
    burstVariance: 0,
    maximumBytes: 4 * GIB,
    neededBytes: 4 * GIB,
    hugePageBytes: 0,
    dirtyBytesPerSecond: undefined,
    isPinned: false,
    isPersistent: true,
    autostart: 'never',
    stays: undefined,
    cpuMode: 'host-model',
    cpuModel: undefined,
    isLocal: false,
    storage: [],
    labels: new Map(),
    ...over,
  };
}

/** A host with 16 CPUs and 256 GiB. */
export function hostOf(name: string, vms: readonly FleetVm[], over: Partial<FleetHost> = {}): FleetHost {
  return {
    id: name,
    cluster: 'one',
    instance: `${name}:9177`,
    cpus: 16,
    dedicatedCpus: 0,
    memoryBytes: 256 * GIB,
    ownMemoryBytes: 4 * GIB,
    hugePageBytes: 0,
    cpuModel: 'Cascadelake-Server',
    storage: new Set(),
    isInMaintenance: false,
    measuredContention: undefined,
    measuredShortfallCpus: undefined,
    isSwapping: false,
    vms,
    ...over,
  };
}

/** VMs with these demands: `prefix-0`, `prefix-1`, ... */
export const vmsOf = (prefix: string, ...demands: readonly number[]): FleetVm[] =>
  demands.map((cpus, index) => vmOf(`${prefix}-${index}`, cpus));
