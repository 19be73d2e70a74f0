import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { readConfig } from '../exporter/config/config.ts';
import { BulkClient } from '../exporter/elasticsearch/bulk-client.ts';
import { openClient } from '../exporter/elasticsearch/client.ts';
import { DeadLettersError } from '../exporter/elasticsearch/dead-letters/dead-letters-error.ts';
import type { Letter } from '../exporter/elasticsearch/dead-letters/letter.ts';
import { allLetters, LetterBox } from '../exporter/elasticsearch/dead-letters/letter-box.ts';
import { resend } from '../exporter/elasticsearch/dead-letters/resend.ts';
import {
  type ElasticsearchOptions,
  queueDirOf,
  serverSettings,
  sinkSettings,
} from '../exporter/elasticsearch/settings.ts';
import { jsonText } from '../model/json-text.ts';
import { printable } from '../model/printable.ts';
import { addServerFlags, elasticsearchOptions, type ServerFlags } from './elasticsearch-flags.ts';
import { log } from './log.ts';
import { stopSignal } from './signals.ts';
import { UsageError } from './usage-error.ts';
import { readVersion } from './version.ts';

interface LetterFlags extends ServerFlags {
  readonly 'config.file'?: string;
  readonly 'elasticsearch.queueDir'?: string;
  readonly stream?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** `virtune elasticsearch dead-letters`: documents that the server rejected. The exporter may run at the same time. */
export function deadLettersCommand(): Command {
  return new Command('dead-letters')
    .description('list, send again or delete documents that the server rejected; the exporter may run')
    .addCommand(listCommand())
    .addCommand(resendCommand())
    .addCommand(dropCommand());
}

function addFolderFlags(command: Command): Command {
  return command
    .option('--config.file <file>', "the exporter's YAML file, for its elasticsearch section")
    .option(
      '--elasticsearch.queue-dir <dir>',
      "folder of the exporter's document queue (default: /var/lib/virtune/elasticsearch)",
    )
    .option('--stream <name>', 'only documents of this data stream, such as metrics-kvm.vm-default');
}

function listCommand(): Command {
  return addFolderFlags(new Command('list'))
    .description('count dead letters by data stream and reason')
    .option('--json', 'print each with its document, one JSON object per line')
    .action(async (flags: LetterFlags) => {
      const groups = new Map<string, Group>();
      for await (const letter of allLetters(queueDirOf(optionsOf(flags)))) {
        if (!isAskedFor(letter, flags)) continue;
        if (flags.json === true) process.stdout.write(`${jsonText(letter)}\n`);
        else addTo(groups, letter);
      }
      if (flags.json === true) return;
      if (groups.size === 0) say('no dead letters');
      for (const { count, first, last, letter } of groups.values()) {
        say(
          `${count} of ${letter.index}, sampled ${time(first)} to ${time(last)}: ${letter.status} ${letter.reason}`,
        );
      }
    });
}

function resendCommand(): Command {
  return addFolderFlags(addServerFlags(new Command('resend')))
    .description('send dead letters to the server again; those it does not accept are kept')
    .action(async (flags: LetterFlags) => {
      const options = optionsOf(flags);
      const { requestTimeoutMs, batchBytes } = sinkSettings(options);
      const stop = stopSignal();
      const client = new BulkClient(
        () => openClient(serverSettings(options), readVersion()),
        requestTimeoutMs,
        Date.now,
        (message) => log(`virtune: ${message}`),
      );
      let sent = 0;
      let duplicates = 0;
      let left = 0;
      let reason: string | undefined;
      try {
        await eachFile(queueDirOf(options), flags, async (letters) => {
          const result = await resend(letters, {
            client,
            batchBytes,
            signal: stop,
            random: Math.random,
            wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
          });
          sent += result.sent;
          duplicates += result.duplicates;
          left += result.left.length;
          reason ??= result.reason;
          return result.left;
        });
      } finally {
        say(`${sent} sent, ${duplicates} were on the server already, ${left} not accepted`);
        await client.forget();
      }
      if (left > 0) {
        throw new DeadLettersError(
          'DEAD_LETTERS_LEFT',
          `${left} dead letters were not accepted and are kept: ${reason}; correct that and send them again, or delete them with drop`,
        );
      }
    });
}

function dropCommand(): Command {
  return addFolderFlags(new Command('drop'))
    .description('delete dead letters for good')
    .option('-y, --yes', 'required: there is no undo')
    .action(async (flags: LetterFlags) => {
      if (flags.yes !== true) {
        throw new UsageError(
          'drop deletes dead letters for good; look at them with list, then repeat with --yes',
        );
      }
      let dropped = 0;
      await eachFile(queueDirOf(optionsOf(flags)), flags, async (letters) => {
        dropped += letters.length;
        return [];
      });
      say(`${dropped} deleted`);
    });
}

/** Only the letters that are asked for; the others stay. `work` returns those to keep. */
async function eachFile(
  queueDir: string,
  flags: LetterFlags,
  work: (letters: readonly Letter[]) => Promise<readonly Letter[]>,
): Promise<void> {
  const box = await LetterBox.open(queueDir, Date.now());
  try {
    await box?.each(async (letters) => {
      const others = letters.filter((letter) => !isAskedFor(letter, flags));
      return [...others, ...(await work(letters.filter((letter) => isAskedFor(letter, flags))))];
    });
  } finally {
    await box?.close();
  }
}

function optionsOf(flags: LetterFlags): ElasticsearchOptions {
  const file =
    flags['config.file'] === undefined ? undefined : readConfig(flags['config.file']).elasticsearch;
  return elasticsearchOptions(flags, file) ?? {};
}

function isAskedFor({ index }: Letter, { stream }: LetterFlags): boolean {
  return stream === undefined || index === stream;
}

interface Group {
  count: number;
  first: number;
  last: number;
  readonly letter: Letter;
}

/** Reasons that differ only in numbers, such as a time, are one. */
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

/** What the command yields is for standard output. */
function say(line: string): void {
  process.stdout.write(`${printable(line)}\n`);
}
