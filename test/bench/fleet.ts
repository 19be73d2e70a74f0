import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { constraintsOf } from '../../advice/fleet/constraints.ts';
import type { FleetVm } from '../../advice/fleet/fleet.ts';
import { planFleet } from '../../advice/fleet/plan.ts';
import {
  type Loaded,
  proxLb,
  type Strategy,
  usedCpus,
  watcherConsolidation,
  watcherStabilization,
} from './fleet/peers.ts';
import { leftOf, makeWorld, type World } from './fleet/world.ts';
import { fixed, table } from './table.ts';

/** The hour used by strategies without history: a busy one. */
const SLOT = 14;
const GIB = 1024 ** 3;
const SEEDS = [1, 2, 3];
const HOSTS = 100;

const virtune: Strategy = {
  name: 'virtune advise --fleet',
  run: (hosts) => {
    const { moves } = planFleet(
      { hosts: hosts.map(({ host, vms }) => ({ ...host, vms: [...vms] })) },
      constraintsOf({}),
    );
    const of = new Map(hosts.map((each) => [each.host.id, each]));
    for (const { vm, from, to } of moves) {
      const source = of.get(from.id) as Loaded;
      source.vms.splice(source.vms.indexOf(vm), 1);
      of.get(to.id)?.vms.push(vm);
    }
  },
};
const nothing: Strategy = { name: 'no moves', run: () => undefined };

const STRATEGIES = [
  nothing,
  virtune,
  proxLb('memory'),
  proxLb('cpu'),
  watcherStabilization(0.2),
  watcherStabilization(0.05),
  watcherConsolidation(),
];

function loaded({ fleet }: World): Loaded[] {
  return fleet.hosts.map((host) => ({
    host,
    vms: [...host.vms],
    cpus: host.vms.reduce((sum, vm) => sum + usedCpus(vm, SLOT), 0),
    bytes: host.vms.reduce((sum, vm) => sum + vm.neededBytes, host.ownMemoryBytes),
  }));
}

interface Result {
  readonly moves: number;
  readonly gib: number;
  readonly contention: number;
  readonly hostsContended: number;
  readonly hostsFull: number;
}

function resultOf(strategy: Strategy, world: World, seed: number): Result {
  const hosts = loaded(world);
  const before = new Map(hosts.flatMap(({ host, vms }) => vms.map((vm): [FleetVm, string] => [vm, host.id])));
  strategy.run(hosts, SLOT);
  const moved = hosts.flatMap(({ host, vms }) => vms.filter((vm) => before.get(vm) !== host.id));
  return {
    moves: moved.length,
    gib: moved.reduce((sum, { neededBytes }) => sum + neededBytes, 0) / GIB,
    ...leftOf(world, hosts, seed),
  };
}

function compared(): string {
  const rows = STRATEGIES.map((strategy) => {
    const results = SEEDS.map((seed) =>
      resultOf(strategy, makeWorld({ hosts: HOSTS, vmsPerHost: 50, clusters: 1, seed, load: 0.5 }), seed),
    );
    const mean = (of: (result: Result) => number): number =>
      results.reduce((sum, result) => sum + of(result), 0) / results.length;
    return [
      strategy.name,
      fixed(
        mean(({ moves }) => moves),
        0,
      ),
      fixed(
        mean(({ gib }) => gib),
        0,
      ),
      `${fixed(mean(({ contention }) => contention) * 100, 2)} %`,
      fixed(mean(({ hostsContended }) => hostsContended)),
      fixed(mean(({ hostsFull }) => hostsFull)),
    ];
  });
  return table(
    ['', 'moves', 'GiB to copy', 'CPU demand not served', 'hosts above 5 %', 'hosts above 90 % memory'],
    rows,
  );
}

function scale(): string {
  const rows = [
    [1_000, 1],
    [10_000, 100],
    [10_000, 1],
  ].map(([hosts, clusters]) => {
    const child = join(import.meta.dirname, 'fleet/scale-child.ts');
    const out = execFileSync(process.execPath, [child, String(hosts), String(clusters)], {
      encoding: 'utf8',
    });
    const of = JSON.parse(out) as Readonly<Record<string, number>>;
    return [
      `${hosts?.toLocaleString('en')} hosts in ${clusters} cluster${clusters === 1 ? '' : 's'}`,
      ...[of['seconds'], of['cpuSeconds']].map((seconds) => fixed(seconds ?? Number.NaN)),
      fixed(of['maxRssMiB'] ?? Number.NaN, 0),
      ...[of['relieved'], of['moves'], of['over']].map(String),
    ];
  });
  return table(
    ['', 'seconds', 'CPU seconds', 'RSS MiB', 'hosts relieved', 'moves', 'hosts still above'],
    rows,
  );
}

/** Plans for synthetic fleets: compared with other strategies, and the time they take for 500,000 VMs. */
export async function fleet(): Promise<string> {
  return ['## Moves of VMs in a fleet', compared(), scale()].join('\n\n');
}
