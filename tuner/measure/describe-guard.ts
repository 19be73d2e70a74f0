import type { GuardedFigure, GuardReport } from './guard-watch.ts';

/** Names to show in a line; JSON has all. */
const NAMES_SHOWN = 3;

/** Figures without a guard, by reason, and what then still ends the experiment; empty if all are watched. */
export function describeUnwatched({ figures }: GuardReport): string[] {
  const unwatched = figures.filter(({ missing }) => missing !== undefined);
  if (unwatched.length === 0) return [];
  const byReason = Map.groupBy(unwatched, ({ missing = '' }) => missing);
  const reasons = [...byReason].map(([reason, those]) => `${reason}: ${namesOf(those)}`);
  const which =
    unwatched.length === figures.length ? 'any figure' : `${unwatched.length} of ${figures.length} figures`;
  return [`no guard on ${which}: ${reasons.join('; ')}`, ...whatIsLeft(figures)];
}

/** What still ends the experiment early if no figure is watched: limits, or nothing. */
function whatIsLeft(figures: readonly GuardedFigure[]): string[] {
  if (figures.some(({ missing }) => missing === undefined)) return [];
  const limits = figures.flatMap(({ name, limit }) =>
    limit === undefined ? [] : [`${name} above ${limit}`],
  );
  const [first, ...more] = limits;
  if (first === undefined) return ['so no figure that gets worse ends the experiment early'];
  return [
    `so only limits end the experiment early: ${[first, ...more.slice(0, NAMES_SHOWN - 1)].join(', ')}`,
  ];
}

function namesOf(figures: readonly GuardedFigure[]): string {
  const names = figures.map(({ name }) => name);
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return `${names.slice(0, NAMES_SHOWN).join(', ')}${more}`;
}
