import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packageFolder } from '../sampler/package-folder.ts';

export function licensesCommand(): Command {
  return new Command('licenses')
    .description('print the license of virtune and those of the packages in it')
    .action(() => {
      for (const file of ['LICENSE', 'dist/THIRD-PARTY-NOTICES']) {
        process.stdout.write(textOf(new URL(file, packageFolder())));
      }
    });
}

/** Empty for the notices when running from a source tree: its packages are in node_modules, with their licenses. */
function textOf(file: URL): string {
  try {
    return `${readFileSync(file, 'utf8')}\n`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
