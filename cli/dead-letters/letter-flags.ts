import { type Command, InvalidArgumentError } from 'commander';
import { readConfig } from '../../exporter/config/config.ts';
import { COMPAT_STREAMS, NAMESPACE, STREAM_NAMES } from '../../exporter/documents/streams.ts';
import type { Letter } from '../../exporter/elasticsearch/dead-letters/letter.ts';
import type { ElasticsearchOptions } from '../../exporter/elasticsearch/settings.ts';
import { elasticsearchOptions, type ServerFlags } from '../elasticsearch-flags.ts';

export interface LetterFlags extends ServerFlags {
  readonly 'config.file'?: string;
  readonly 'elasticsearch.queueDir'?: string;
  readonly stream?: string;
}

/** Options that select dead letters. */
export function addLetterFlags(command: Command): Command {
  return command
    .option('--config.file <file>', "the exporter's YAML file, for its elasticsearch section")
    .option(
      '--elasticsearch.queue-dir <dir>',
      "folder of the exporter's document queue (default: /var/lib/virtune/elasticsearch)",
    )
    .option(
      '--stream <name>',
      'only documents of this data stream, such as metrics-kvm.vm-default',
      streamName,
    );
}

export async function optionsOf(flags: LetterFlags): Promise<ElasticsearchOptions> {
  const file =
    flags['config.file'] === undefined ? undefined : (await readConfig(flags['config.file'])).elasticsearch;
  return elasticsearchOptions(flags, file) ?? {};
}

export function isSelected({ index }: Pick<Letter, 'index'>, { stream }: LetterFlags): boolean {
  return stream === undefined || index === stream;
}

/** The message when the flags select no dead letters. @param others streams that have some */
export function noLettersText({ stream }: LetterFlags, others: ReadonlySet<string>): string {
  if (stream === undefined) return 'no dead letters';
  const there =
    others.size === 0 ? 'no other stream has any' : `these streams have: ${[...others].join(', ')}`;
  return `no dead letters of ${stream}; ${there}`;
}

/** `2 damaged lines`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function streamName(text: string): string {
  const [, stream = '', namespace = ''] = /^metrics-kvm\.([a-z]+)-(.*)$/.exec(text) ?? [];
  const known: readonly string[] = [...STREAM_NAMES, ...COMPAT_STREAMS];
  if (!known.includes(stream) || !NAMESPACE.test(namespace)) {
    throw new InvalidArgumentError(
      `Expected metrics-kvm.STREAM-NAMESPACE, where STREAM is one of ${known.join(', ')}.`,
    );
  }
  return text;
}
