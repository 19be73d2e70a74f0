import type { Advice, Remedy } from '../../../advice/advice.ts';
import type { SimulatedVm } from '../../../simulator/vm.ts';
import { OnSimulator } from '../../tuner/on-simulator.ts';
import type { World } from '../world.ts';
import { type Case, startCase } from './case.ts';
import { runVirsh } from './commands.ts';

const AFTER_MS = 60_000;
/** A latency change in milliseconds that no guest notices, whatever its share of the latency. */
const LATENCY_NOISE_MS = 0.05;

/** Work that a VM got done in a period. */
interface Done {
  readonly ranNs: number;
  readonly delayNs: number;
  readonly requests: number;
  readonly latencyMs: number;
  readonly swapInKiB: number;
}

/** The effect of a change, compared with the same host in the same time without it. */
export interface Effect {
  readonly advice: Advice;
  readonly remedy: Remedy;
  /** The largest loss of VMs that neither pay nor restart: 0.05 is 5 % less work done. */
  readonly worstLoss: { readonly vm: string; readonly share: number };
  /** Work of the victims that do not pay, without and with the change. */
  readonly victims: { readonly without: Done; readonly with: Done };
}

/** Applies each change of each advice to a copy of its host. */
export async function effectsOf(
  made: () => Case,
  advice: readonly Advice[],
  seconds: number,
): Promise<Effect[]> {
  const effects: Effect[] = [];
  for (const each of advice) {
    for (const remedy of each.remedies) {
      if (remedy.effect === 'nothing changes' || (remedy.steps.length === 0 && remedy.payers.length === 0))
        continue;
      const without = await lived(made(), seconds, undefined);
      const changed = await lived(made(), seconds, remedy);
      if (changed !== undefined && without !== undefined)
        effects.push(compared(each, remedy, without, changed));
    }
  }
  return effects;
}

/** Undefined if the tuner refuses the profile, which virtune advise then does not offer. */
async function lived(
  made: Case,
  seconds: number,
  remedy: Remedy | undefined,
): Promise<ReadonlyMap<string, Done> | undefined> {
  const world = await startCase(made);
  try {
    world.pass(seconds * 1_000);
    if (remedy !== undefined && !(await carryOut(world, remedy))) return undefined;
    // A start with another definition resets counters.
    world.pass(1_000);
    const before = new Map(world.daemon.host.vms.map((vm) => [vm.name, totals(vm)]));
    world.pass(AFTER_MS);
    return new Map(
      world.daemon.host.vms
        .filter(({ active }) => active)
        .map((vm) => [vm.name, difference(before.get(vm.name) ?? totals(vm), totals(vm))]),
    );
  } finally {
    await world.stop();
  }
}

/** Applies the advice; false if the tuner refuses. */
export async function carryOut(world: World, remedy: Remedy): Promise<boolean> {
  const { steps, profile, payers, effect } = remedy;
  if (profile !== undefined) {
    const tuner = await OnSimulator.on({ uri: world.uri, daemon: world.daemon });
    try {
      for (const { name } of profile.vms) {
        const plan = await tuner.plan(name, profile.name);
        if (plan.placement.refusals.length > 0) return false;
        const outcome = await tuner.apply(plan);
        if (outcome.kind !== 'committed') return false;
      }
      return true;
    } finally {
      tuner.removeFolder();
    }
  }
  for (const { argv } of steps) await runVirsh(world, argv);
  const { host } = world.daemon;
  if (steps.length === 0) {
    // Moved to another host.
    for (const { uuid } of payers) {
      const vm = host.byUuid(uuid);
      if (vm?.active === true) host.stop(vm, 1);
    }
  }
  if (effect === 'next boot') {
    for (const uuid of new Set(steps.flatMap(({ vm }) => vm?.uuid ?? []))) {
      const vm = host.byUuid(uuid);
      if (vm?.active !== true) continue;
      host.stop(vm, 1);
      vm.start(host.nextId());
    }
  }
  return true;
}

function totals({ vcpus, disks, swapInKiB }: SimulatedVm): Done & { readonly ns: number } {
  const sum = <T>(all: readonly T[], read: (each: T) => number): number =>
    all.reduce((total, each) => total + read(each), 0);
  return {
    ranNs: sum(vcpus, ({ timeNs }) => timeNs),
    delayNs: sum(vcpus, ({ delayNs }) => delayNs),
    requests: sum(disks, ({ readRequests, writeRequests }) => readRequests + writeRequests),
    ns: sum(disks, ({ readNs, writeNs }) => readNs + writeNs),
    latencyMs: 0,
    swapInKiB,
  };
}

function difference(before: ReturnType<typeof totals>, now: ReturnType<typeof totals>): Done {
  const requests = now.requests - before.requests;
  return {
    ranNs: now.ranNs - before.ranNs,
    delayNs: now.delayNs - before.delayNs,
    requests,
    latencyMs: requests === 0 ? 0 : (now.ns - before.ns) / requests / 1e6,
    swapInKiB: now.swapInKiB - before.swapInKiB,
  };
}

function compared(
  advice: Advice,
  remedy: Remedy,
  without: ReadonlyMap<string, Done>,
  changed: ReadonlyMap<string, Done>,
): Effect {
  const exempt = new Set(remedy.payers.map(({ name }) => name));
  // The advice already names a restart as a risk.
  if (remedy.effect === 'next boot')
    for (const { vm } of remedy.steps) if (vm !== undefined) exempt.add(vm.name);
  let worstLoss = { vm: '', share: 0 };
  for (const [name, before] of without) {
    const after = changed.get(name);
    if (exempt.has(name) || after === undefined) continue;
    const share = lossOf(before, after);
    if (share > worstLoss.share) worstLoss = { vm: name, share };
  }
  const paying = new Set(remedy.payers.map(({ name }) => name));
  const spared = advice.victims.map(({ name }) => name).filter((name) => !paying.has(name));
  const victims = spared.length > 0 ? spared : [...paying];
  return {
    advice,
    remedy,
    worstLoss,
    victims: { without: together(victims, without), with: together(victims, changed) },
  };
}

function lossOf(before: Done, after: Done): number {
  const less = (was: number, is: number): number => (was <= 0 ? 0 : Math.max(0, 1 - is / was));
  const latency =
    before.latencyMs > 0 && after.latencyMs > before.latencyMs + LATENCY_NOISE_MS
      ? after.latencyMs / before.latencyMs - 1
      : 0;
  const swap =
    after.swapInKiB > before.swapInKiB * 1.001 ? after.swapInKiB / Math.max(1, before.swapInKiB) - 1 : 0;
  return Math.max(less(before.ranNs, after.ranNs), less(before.requests, after.requests), latency, swap);
}

function together(names: readonly string[], done: ReadonlyMap<string, Done>): Done {
  const all = names.flatMap((name) => done.get(name) ?? []);
  const sum = (read: (each: Done) => number): number => all.reduce((total, each) => total + read(each), 0);
  const requests = sum((each) => each.requests);
  return {
    ranNs: sum((each) => each.ranNs),
    delayNs: sum((each) => each.delayNs),
    requests,
    latencyMs: requests === 0 ? 0 : sum((each) => each.latencyMs * each.requests) / requests,
    swapInKiB: sum((each) => each.swapInKiB),
  };
}
