import { constraintsOf } from '../../../advice/fleet/constraints.ts';
import { planFleet } from '../../../advice/fleet/plan.ts';
import { makeWorld } from './world.ts';

/* In a separate process, so that its memory is the planner's: prints a line of JSON. */
const [hosts = 10_000, clusters = 1] = process.argv.slice(2).map(Number);
const { fleet } = makeWorld({ hosts, vmsPerHost: 50, clusters, seed: 1, load: 0.5 });
const startedMs = performance.now();
const cpuBefore = process.cpuUsage();
const { moves, hosts: verdicts, clusters: groups } = planFleet(fleet, constraintsOf({}));
const seconds = (performance.now() - startedMs) / 1_000;
const cpu = process.cpuUsage(cpuBefore);
const count = (state: string): number => verdicts.filter((verdict) => verdict.state === state).length;
console.log(
  JSON.stringify({
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    maxRssMiB: process.resourceUsage().maxRSS / 1_024,
    moves: moves.length,
    relieved: count('relieved'),
    over: count('over'),
    stranded: groups.reduce((sum, { stranded }) => sum + stranded.length, 0),
  }),
);
