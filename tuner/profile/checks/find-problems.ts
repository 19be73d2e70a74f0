import type { Problem } from '../../errors.ts';
import { settings } from '../../settings/all.ts';
import type { Wish } from '../../settings/setting.ts';
import { type Check, type CheckContext, type CheckView, viewOf } from './check.ts';
import { cpuChecks } from './cpu.ts';
import { diskChecks } from './disks.ts';
import { hypervChecks } from './hyperv.ts';
import { ioThreadChecks } from './iothreads.ts';
import { memoryChecks } from './memory.ts';
import { nicChecks } from './nics.ts';
import { numaChecks } from './numa.ts';
import { queueChecks } from './queues.ts';
import { resctrlChecks } from './resctrl.ts';
import { versionChecks } from './versions.ts';

const checks: readonly Check[] = [
  ...versionChecks,
  ...ioThreadChecks,
  ...numaChecks,
  ...cpuChecks,
  ...resctrlChecks,
  ...hypervChecks,
  ...memoryChecks,
  ...diskChecks,
  ...queueChecks,
  ...nicChecks,
];

/**
 * Marks each wish that cannot be fulfilled here, and each that fails as a consequence: `io=native` needs a cache mode
 * that bypasses the host's, so it fails if that cannot be set. Call it again after a trial on the host found a problem.
 */
export function findProblems(wishes: readonly Wish[], context: CheckContext): Wish[] {
  const judged = [...wishes];
  let view = viewOf(judged, context);
  // A problem removes a wish from the view, which may raise further problems but never resolves one, so this ends.
  for (let found = true; found; ) {
    found = false;
    for (const [index, wish] of judged.entries()) {
      const problem = wish.problem === undefined ? firstProblem(wish, view) : undefined;
      if (problem === undefined) continue;
      judged[index] = { ...wish, problem };
      view = viewOf(judged, context);
      found = true;
    }
  }
  return judged;
}

const checksOf = new Map(settings.map(({ id }) => [id, checks.filter(({ of }) => of.test(id))]));

function firstProblem(wish: Wish, view: CheckView): Problem | undefined {
  for (const { find } of checksOf.get(wish.setting.id) ?? []) {
    const problem = find(wish, view);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
