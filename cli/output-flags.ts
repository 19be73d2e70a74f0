import { type Command, InvalidArgumentError, Option } from 'commander';
import type { OutputOptions } from '../exporter/ndjson/ndjson-output.ts';
import { INTERVAL_RANGE } from '../exporter/sink-options.ts';
import { durationOption } from './duration-option.ts';
import { namespaceOf } from './elasticsearch-flags.ts';
import { UsageError } from './usage-error.ts';

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

/** Undefined when no output is set. @throws UsageError for output flags without a destination */
export function outputOptions(flags: OutputFlags): OutputOptions | undefined {
  const { output } = flags;
  if (output === undefined) {
    const without = (['output.interval', 'output.namespace'] as const).find(
      (name) => flags[name] !== undefined,
    );
    if (without === undefined) return undefined;
    throw new UsageError(`--${without} has no effect without --output; add --output ndjson[:FILE]`);
  }
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
