import { Command } from 'commander';
import { queueDirOf } from '../../exporter/elasticsearch/settings.ts';
import { printLine } from '../print-line.ts';
import { UsageError } from '../usage-error.ts';
import { eachFile } from './each-file.ts';
import { addLetterFlags, counted, type LetterFlags, noLettersText, optionsOf } from './letter-flags.ts';

interface DropFlags extends LetterFlags {
  readonly yes?: boolean;
}

export function dropCommand(): Command {
  return addLetterFlags(new Command('drop'))
    .description('delete dead letters for good, and damaged lines unless --stream is set')
    .option('-y, --yes', 'required: there is no undo')
    .action(async (flags: DropFlags) => {
      if (flags.yes !== true) {
        throw new UsageError(
          'drop deletes dead letters for good; look at them with list, then repeat with --yes',
        );
      }
      let dropped = 0;
      let droppedLines = 0;
      let keptLines = 0;
      const others = new Set<string>();
      try {
        await eachFile(queueDirOf(await optionsOf(flags)), flags, others, async ({ letters, damaged }) => {
          dropped += letters.length;
          // A damaged line does not name its stream.
          if (flags.stream !== undefined) {
            keptLines += damaged.length;
            return { letters: [], damaged };
          }
          droppedLines += damaged.length;
          return { letters: [], damaged: [] };
        });
      } finally {
        const lines = droppedLines > 0 ? ` and ${counted(droppedLines, 'damaged line')}` : '';
        if (dropped + droppedLines > 0) printLine(`${counted(dropped, 'dead letter')}${lines} deleted`);
      }
      if (dropped + droppedLines === 0) printLine(noLettersText(flags, others));
      if (keptLines > 0)
        printLine(`${counted(keptLines, 'damaged line')} kept; drop without --stream deletes damaged lines`);
    });
}
