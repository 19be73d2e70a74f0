import { Command } from 'commander';
import type { Letter } from '../../exporter/elasticsearch/dead-letters/letter.ts';
import { allLines, type FoundLine } from '../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { queueDirOf } from '../../exporter/elasticsearch/settings.ts';
import { jsonText } from '../../model/json-text.ts';
import { log } from '../log.ts';
import { printLine } from '../print-line.ts';
import {
  addLetterFlags,
  counted,
  isSelected,
  type LetterFlags,
  noLettersText,
  optionsOf,
} from './letter-flags.ts';

interface ListFlags extends LetterFlags {
  readonly json?: boolean;
}

export function listCommand(): Command {
  return addLetterFlags(new Command('list'))
    .description('count dead letters by data stream and reason')
    .option('--json', 'print each with its document, one JSON object per line')
    .action(async (flags: ListFlags) => {
      const groups = new Map<string, Group>();
      const others = new Set<string>();
      const damaged: FoundLine[] = [];
      for await (const found of allLines(queueDirOf(await optionsOf(flags)))) {
        const { letter } = found;
        if (letter === undefined) damaged.push(found);
        else if (!isSelected(letter, flags)) others.add(letter.index);
        else if (flags.json === true) process.stdout.write(`${jsonText(letter)}\n`);
        else addTo(groups, letter);
      }
      const [example] = damaged;
      const note =
        example &&
        `${counted(damaged.length, 'damaged line')}, the first is line ${example.line} of ${example.path}; resend keeps damaged lines, drop deletes them`;
      if (flags.json === true) {
        if (note !== undefined) log(`virtune: ${note}`);
        return;
      }
      for (const { count, first, last, letter } of groups.values()) {
        printLine(
          `${count} of ${letter.index}, sampled ${time(first)} to ${time(last)}: ${letter.status} ${letter.reason}`,
        );
      }
      if (groups.size === 0) printLine(noLettersText(flags, others));
      if (note !== undefined) printLine(note);
    });
}

interface Group {
  count: number;
  first: number;
  last: number;
  readonly letter: Letter;
}

/** Groups letters by reason, ignoring digits such as a time. */
function addTo(groups: Map<string, Group>, letter: Letter): void {
  const kind = `${letter.index} ${letter.status} ${letter.reason.replaceAll(/\d+/g, '#')}`;
  const { sampled_at: atMs } = letter;
  const known = groups.get(kind);
  if (known === undefined) {
    groups.set(kind, { count: 1, first: atMs, last: atMs, letter });
    return;
  }
  known.count++;
  known.first = Math.min(known.first, atMs);
  known.last = Math.max(known.last, atMs);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
