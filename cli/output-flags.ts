import { type Command, InvalidArgumentError, Option } from 'commander';
import { INTERVAL_RANGE } from '../exporter/elasticsearch/settings.ts';
import type { OutputOptions } from '../exporter/ndjson/ndjson-output.ts';
import { durationOption } from './duration-option.ts';
import { namespaceOf } from './elasticsearch-flags.ts';

export interface OutputFlags {
  readonly output?: { readonly file?: string | undefined };
  readonly 'output.interval'?: number;
  readonly 'output.namespace'?: string;
}

/** Documents for other pipelines. */
export function addOutputFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--output <ndjson[:file]>',
        'also write samples as lines of JSON, to standard output or to a file, which SIGHUP reopens',
      ).argParser(outputOf),
    )
    .addOption(
      durationOption('--output.interval', 'sampling interval of the output (default: 10s)', INTERVAL_RANGE),
    )
    .option(
      '--output.namespace <name>',
      'data_stream.namespace of the documents (default: default)',
      namespaceOf,
    );
}

/** Undefined where no output is set. */
export function outputOptions(flags: OutputFlags): OutputOptions | undefined {
  const { output } = flags;
  if (output === undefined) return undefined;
  return {
    file: output.file,
    intervalMs: (flags['output.interval'] ?? 10) * 1_000,
    namespace: flags['output.namespace'] ?? 'default',
  };
}

function outputOf(text: string): NonNullable<OutputFlags['output']> {
  const [, file] = /^ndjson(?::(.+))?$/s.exec(text) ?? [];
  if (text !== 'ndjson' && file === undefined) {
    throw new InvalidArgumentError('Expected ndjson, or ndjson: and a file.');
  }
  return { file };
}
