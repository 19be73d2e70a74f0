import type { Advice, Severity } from './advice.ts';
import { contextOf } from './context.ts';
import { FINDERS } from './kinds/all.ts';
import type { HostObservation } from './observation.ts';

const ORDER: Readonly<Record<Severity, number>> = { bad: 0, warn: 1, info: 2 };

/** What hurts or may hurt on a host, ordered by harm: one advice per cause. */
export function advise(
  observation: HostObservation,
  { minSamples }: { readonly minSamples: number },
): Advice[] {
  const context = contextOf(observation, minSamples);
  return FINDERS.flatMap((find) => find(context)).toSorted(
    (a, b) => b.harm - a.harm || ORDER[a.severity] - ORDER[b.severity],
  );
}

/** Replaces the commands of each profile that a check refuses by the reason. Other remedies are unchanged. */
export async function withoutRefused(
  advice: readonly Advice[],
  refusal: (profile: NonNullable<Advice['remedies'][number]['profile']>) => Promise<string | undefined>,
): Promise<Advice[]> {
  return Promise.all(
    advice.map(async (each) => {
      const remedies = await Promise.all(
        each.remedies.map(async (remedy) => {
          const reason = remedy.profile === undefined ? undefined : await refusal(remedy.profile);
          return reason === undefined
            ? remedy
            : {
                ...remedy,
                steps: [],
                change: `${remedy.change}; not possible now: ${reason}`,
                effect: 'nothing changes' as const,
              };
        }),
      );
      return { ...each, remedies };
    }),
  );
}
