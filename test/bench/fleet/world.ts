import { type Fleet, type FleetHost, type FleetVm, SLOTS } from '../../../advice/fleet/fleet.ts';
import { seededRandom } from '../../../simulator/random.ts';

/** A fleet whose demand is known for every five minutes of a day. */
export interface World {
  readonly fleet: Fleet;
  /** Demand of the same VMs on another day: the same habits, different noise. CPUs at `tick`, 0 to 287. */
  readonly demandAt: (vm: FleetVm, tick: number) => number;
}

export interface WorldOptions {
  readonly hosts: number;
  readonly vmsPerHost: number;
  readonly clusters: number;
  readonly seed: number;
  /** Approximate mean CPU demand of all VMs / CPUs. */
  readonly load: number;
}

const GIB = 1024 ** 3;
const TICKS = 288;
const TICKS_PER_HOUR = TICKS / SLOTS;
const HOST = { cpus: 64, memoryBytes: 512 * GIB, ownMemoryBytes: 12 * GIB };

/** Share of its vCPUs that a VM of a kind uses by hour (UTC), before noise. */
const KINDS: readonly ((hour: number) => number)[] = [
  (hour) => (hour >= 8 && hour < 18 ? 0.5 : 0.06),
  (hour) => (hour >= 1 && hour < 5 ? 0.7 : 0.04),
  () => 0.25,
  () => 0.08,
  (hour) => 0.2 + 0.15 * Math.sin(((hour - 6) / 24) * 2 * Math.PI),
];

interface Habit {
  readonly kind: number;
  readonly vcpus: number;
  readonly level: number;
  readonly noise: number;
  readonly seed: number;
}

/**
 * Hosts of one size with VMs of five kinds: office hours, nightly batch, steady, mostly idle, and a daily wave. A tenth
 * of the hosts have VMs that are twice as busy, as in fleets that are filled by allocated memory; an eighth has more
 * memory in use.
 */
export function makeWorld({ hosts, vmsPerHost, clusters, seed, load }: WorldOptions): World {
  const random = seededRandom(seed);
  const habits = new Map<FleetVm, Habit>();
  const fleetHosts: FleetHost[] = [];
  for (let at = 0; at < hosts; at++) {
    const busy = random() < 0.1 ? 2 : 0.7 + 0.4 * random();
    const fuller = random() < 0.125 ? 1.3 : 1;
    const vms: FleetVm[] = [];
    for (let index = 0; index < vmsPerHost; index++) {
      const vcpus = [1, 2, 2, 4, 4, 4, 8, 8][Math.floor(random() * 8)] as number;
      const memoryBytes = vcpus * ([1, 2, 2, 3][Math.floor(random() * 4)] as number) * GIB;
      const habit: Habit = {
        kind: Math.floor(random() * KINDS.length),
        vcpus,
        level: Math.min(1.6, busy * load * (0.5 + random()) * 2),
        noise: 0.1 + 0.5 * random(),
        seed: Math.floor(random() * 2 ** 31),
      };
      const vm = vmOf(`${at}-${index}`, habit, memoryBytes, Math.min(1, fuller * (0.55 + 0.35 * random())));
      habits.set(vm, habit);
      vms.push(vm);
    }
    const name = `kvm${String(at).padStart(5, '0')}`;
    fleetHosts.push({
      id: name,
      cluster: `c${at % clusters}`,
      instance: `${name}:9177`,
      ...HOST,
      dedicatedCpus: 0,
      hugePageBytes: 0,
      cpuModel: 'Cascadelake-Server',
      storage: new Set(),
      isInMaintenance: false,
      measuredContention: undefined,
      measuredShortfallCpus: undefined,
      isSwapping: false,
      vms,
    });
  }
  const demandAt = (vm: FleetVm, tick: number): number => demandOf(habits.get(vm) as Habit, tick, 1);
  return { fleet: { hosts: fleetHosts }, demandAt };
}

/** A VM with the figures recorded on the first day. */
function vmOf(name: string, habit: Habit, maximumBytes: number, resident: number): FleetVm {
  const demandCpus = new Float32Array(SLOTS);
  let variance = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    let [sum, squares] = [0, 0];
    for (let tick = slot * TICKS_PER_HOUR; tick < (slot + 1) * TICKS_PER_HOUR; tick++) {
      const demand = demandOf(habit, tick, 0);
      sum += demand;
      squares += demand * demand;
    }
    const mean = sum / TICKS_PER_HOUR;
    demandCpus[slot] = mean;
    variance += (squares / TICKS_PER_HOUR - mean * mean) / SLOTS;
  }
  return {
    uuid: name,
    name,
    vcpus: habit.vcpus,
    demandCpus,
    burstVariance: variance,
    maximumBytes,
    neededBytes: Math.round(maximumBytes * resident),
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
  };
}

function demandOf({ kind, vcpus, level, noise, seed }: Habit, tick: number, day: number): number {
  const hour = (tick / TICKS_PER_HOUR) | 0;
  const share = (KINDS[kind] as (hour: number) => number)(hour) * level;
  return vcpus * Math.min(1, Math.max(0, share * (1 + noise * gauss(seed, tick + day * TICKS))));
}

/** Approximately normal: the sum of three uniform numbers that depend only on seed and index. */
function gauss(seed: number, index: number): number {
  let sum = 0;
  for (let part = 0; part < 3; part++) {
    let hash = Math.imul(seed ^ Math.imul(index * 3 + part + 1, 0x9e3779b1), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    sum += ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  }
  return (sum - 1.5) * 2;
}

/** Remaining contention and memory pressure on the second day. */
export interface Left {
  /** Share of CPU demand that is not served, over the whole fleet and day. */
  readonly contention: number;
  /** Hosts with more than 5 % contention in some hour. */
  readonly hostsContended: number;
  /** Hosts that need more than 90 % of their memory. */
  readonly hostsFull: number;
}

const INSTANTS = 6;

/**
 * Simulated by drawing which vCPUs are ready at six instants in every five minutes: those that exceed the CPUs wait.
 * Independent of the planner's estimate.
 */
export function leftOf(
  { demandAt }: World,
  hosts: readonly { readonly host: FleetHost; readonly vms: readonly FleetVm[] }[],
  seed: number,
): Left {
  const random = seededRandom(seed);
  let [short, demand, hostsContended, hostsFull] = [0, 0, 0, 0];
  for (const { host, vms } of hosts) {
    const needed = vms.reduce((sum, vm) => sum + vm.neededBytes, host.ownMemoryBytes);
    if (needed > 0.9 * host.memoryBytes) hostsFull++;
    let isContended = false;
    for (let slot = 0; slot < SLOTS; slot++) {
      let [shortInHour, demandInHour] = [0, 0];
      for (let tick = slot * TICKS_PER_HOUR; tick < (slot + 1) * TICKS_PER_HOUR; tick++) {
        const ready = new Float64Array(INSTANTS);
        for (const vm of vms) {
          const share = demandAt(vm, tick) / vm.vcpus;
          for (let at = 0; at < INSTANTS * vm.vcpus; at++) {
            if (random() < share) ready[at % INSTANTS] = (ready[at % INSTANTS] as number) + 1;
          }
        }
        for (const count of ready) {
          shortInHour += Math.max(0, count - host.cpus);
          demandInHour += count;
        }
      }
      if (shortInHour > 0.05 * demandInHour) isContended = true;
      short += shortInHour;
      demand += demandInHour;
    }
    if (isContended) hostsContended++;
  }
  return { contention: demand > 0 ? short / demand : 0, hostsContended, hostsFull };
}
