import { readFileSync } from 'node:fs';
import type { RestartLimits } from '../../../tuner/steps/step-host.ts';
import { type Job, perform } from './job.ts';
import { runOptionsFor } from './user.ts';

/** What this process is given: a job, and at which of its points it ends as by `kill -9`. */
export interface Doomed {
  readonly uri: string;
  readonly stateDir: string;
  readonly restart: RestartLimits;
  readonly job: Job;
  readonly killAt: number;
  /** Points count from the first line of the journal on: before it nothing is changed. */
  readonly onceBegun: boolean;
  /** Only points before a record of the journal are counted. */
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
