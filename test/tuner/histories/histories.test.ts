import fc from 'fast-check';
import { afterAll, test } from 'vitest';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { type Figures, History } from './history.ts';
import { hosts, NAMES, SimulatedHistoryHost } from './simulated.ts';
import { histories } from './step.ts';

/** `.ci/nightly` plays 500. */
const RUNS = Number(process.env['VIRTUNE_HISTORIES'] ?? 12);
/** The same histories in each `npm test`, others each night; or those of a failure, by the printed seed. */
const SEED = process.env['VIRTUNE_SEED'] ?? (RUNS === 12 ? '2' : undefined);

const profiles = (await ProfileLibrary.open([])).places.map(({ name }) => name);
const figures: Figures = {};
afterAll(() => {
  if (RUNS !== 12) console.log(JSON.stringify(figures));
});

test('after any history of two users with profiles, killed runs and rollbacks, no state is dangerous, and a rollback restores everything exactly', {
  timeout: 20_000 + RUNS * 20_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      hosts,
      histories({
        names: NAMES,
        profiles,
        kills: ['here', 'here', 'here', 'elsewhere', 'child'],
        points: 120,
        length: 8,
      }),
      async (shape, steps) => {
        const host = await SimulatedHistoryHost.start(shape);
        try {
          await new History(host, host.users, figures).play(steps);
        } finally {
          await host.stop();
        }
      },
    ),
    { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) },
  );
});
