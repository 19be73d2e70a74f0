import { readdirSync, readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packageFolder } from '../sampler/package-folder.ts';
import { UsageError } from './usage-error.ts';

const ENDING = '.md';

export function runbookCommand(): Command {
  return new Command('runbook')
    .description('print the runbook of an alert, or list them; needs no network')
    .argument('[alert]', 'name of the alert, such as DomainCpuStealHigh')
    .action((alert: string | undefined) => {
      const folder = new URL('docs/runbooks/', packageFolder());
      const names = readdirSync(folder)
        // Not README.md.
        .filter((file) => file.endsWith(ENDING) && file !== 'README.md')
        .map((file) => file.slice(0, -ENDING.length))
        .sort();
      if (alert === undefined) {
        process.stdout.write(names.map((name) => `${name}\n`).join(''));
        return;
      }
      const name = names.find((each) => each.toLowerCase() === alert.toLowerCase());
      if (name === undefined) {
        throw new UsageError(
          `there is no runbook for ${JSON.stringify(alert)}; list the runbooks with virtune runbook`,
        );
      }
      process.stdout.write(readFileSync(new URL(`${name}${ENDING}`, folder)));
    });
}
