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
 * Puts a problem on each wish that cannot be fulfilled here, and on each that then falls with it: `io=native` needs a
 * cache that goes past the host's, so it is not to be had where that is not. To be asked again after a problem was
 * found elsewhere, by trying it out on the host.
 */
export function findProblems(wishes: readonly Wish[], context: CheckContext): Wish[] {
  const judged = [...wishes];
  let view = viewOf(judged, context);
  // A problem takes a wish out of the view, which may raise others; it never heals one, so this ends.
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
