import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { BulkClient } from '../../exporter/elasticsearch/bulk-client.ts';
import { openClient, stoppedError } from '../../exporter/elasticsearch/client.ts';
import { DeadLettersError } from '../../exporter/elasticsearch/dead-letters/dead-letters-error.ts';
import type { Letters } from '../../exporter/elasticsearch/dead-letters/letter.ts';
import type { Kept } from '../../exporter/elasticsearch/dead-letters/letter-box.ts';
import { resend } from '../../exporter/elasticsearch/dead-letters/resend.ts';
import { queueDirOf, serverSettings, sinkSettings } from '../../exporter/elasticsearch/settings.ts';
import { addServerFlags } from '../elasticsearch-flags.ts';
import { log } from '../log.ts';
import { printLine } from '../print-line.ts';
import { stopSignal } from '../signals.ts';
import { readVersion } from '../version.ts';
import { eachFile } from './each-file.ts';
import { addLetterFlags, counted, type LetterFlags, noLettersText, optionsOf } from './letter-flags.ts';

export function resendCommand(): Command {
  return addLetterFlags(addServerFlags(new Command('resend')))
    .description('send dead letters to the server again; those it does not accept are kept')
    .action(async (flags: LetterFlags) => {
      const options = await optionsOf(flags);
      const settings = await sinkSettings(options);
      const stop = stopSignal();
      const client = new BulkClient(
        async () => openClient(await serverSettings(options), readVersion()),
        settings.requestTimeoutMs,
        Date.now,
        (message) => log(`virtune: ${message}`),
      );
      let sent = 0;
      let duplicates = 0;
      let left = 0;
      let damagedLines = 0;
      let reason: string | undefined;
      const resendFile = async ({ letters, damaged }: Letters): Promise<Kept> => {
        const result = await resend(letters, {
          client,
          batchBytes: settings.batchBytes,
          signal: stop,
          random: Math.random,
          onRetry: ({ message }, waitMs) =>
            log(`virtune: ${message}; trying again in ${Math.ceil(waitMs / 1_000)} s`),
          wait: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
        });
        sent += result.sent;
        duplicates += result.duplicates;
        left += result.left.length;
        damagedLines += damaged.length;
        reason ??= result.reason;
        return { letters: [...result.left, ...result.untried], damaged, error: result.error };
      };
      const counts = (): string =>
        `${sent} sent, ${duplicates} were on the server already, ${left} not accepted`;
      const others = new Set<string>();
      try {
        await eachFile(queueDirOf(options), flags, others, resendFile);
      } catch (error) {
        const hasBegun = sent + duplicates + left > 0;
        if (hasBegun) printLine(`${counts()}; the others were not tried and are kept`);
        if (!stop.aborted) throw error;
        const all = hasBegun ? 'dead letters that were not sent' : 'all dead letters';
        throw stoppedError(settings, stop, `${all} are kept; run resend again`);
      } finally {
        await client.forget();
      }
      printLine(sent + duplicates + left === 0 ? noLettersText(flags, others) : counts());
      if (damagedLines > 0)
        printLine(`${counted(damagedLines, 'damaged line')} kept; drop deletes damaged lines`);
      if (left > 0) {
        throw new DeadLettersError(
          'DEAD_LETTERS_LEFT',
          `${counted(left, 'dead letter')} not accepted, and kept: ${reason}; correct that and run resend again, or delete them with drop`,
        );
      }
    });
}
