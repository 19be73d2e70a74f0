import { readFileSync } from 'node:fs';
import type { RestartLimits } from '../../../tuner/steps/step-host.ts';
import { type Job, perform } from './job.ts';
import { runOptionsFor } from './user.ts';

/** Input of this process: a job, and the point at which it is killed as by `kill -9`. */
export interface Doomed {
  readonly uri: string;
  readonly stateDir: string;
  readonly restart: RestartLimits;
  readonly job: Job;
  readonly killAt: number;
  /** Counts points from the first line of the journal on: before it nothing is changed. */
  readonly onceBegun: boolean;
  /** Only counts points before a record of the journal. */
  readonly records: boolean;
}

const { uri, stateDir, restart, job, killAt, onceBegun, records }: Doomed = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
);
let at = 0;
let begun = !onceBegun;
const outcomes = await perform(
  job,
  runOptionsFor(uri, stateDir, restart, {
    trace: ({ when, what }) => {
      if (records && !(when === 'before' && what.startsWith('journal '))) return;
      begun ||= what.startsWith('journal ');
      if (!begun || at++ !== killAt) return;
      process.stdout.write(`${when} ${what}\n`);
      process.kill(process.pid, 'SIGKILL');
    },
  }),
);
process.stdout.write(`ended: ${outcomes.map(({ kind }) => kind).join(', ')}\n`);
