import { InvalidArgumentError } from 'commander';
import { expectedAddress, isAddress, type SinkOptions } from '../exporter/sink-options.ts';
import { parseSize } from '../model/size.ts';
import { UsageError } from './usage-error.ts';

/**
 * Merges a sink's options from the file with those of the flags, which take precedence, and records where each was set.
 * Undefined when neither sets any.
 * @param names the flag of each option that has one
 * @param given values of the flags; undefined for those that are not set
 */
export function withFlags<Options extends object, Name extends keyof Options & string>(
  file: SinkOptions<Options> | undefined,
  names: Readonly<Record<Name, string>>,
  given: Readonly<Record<Name, Options[Name] | undefined>>,
): SinkOptions<Options> | undefined {
  const set = (Object.keys(names) as Name[]).filter((name) => given[name] !== undefined);
  if (file === undefined && set.length === 0) return undefined;
  return {
    ...(file ?? ({} as Options)),
    ...Object.fromEntries(set.map((name) => [name, given[name]])),
    origins: { ...file?.origins, ...Object.fromEntries(set.map((name) => [name, names[name]])) },
  };
}

/**
 * Checks the address in a flag. Not as an InvalidArgumentError: commander would print its value, which may contain a
 * password.
 * @throws UsageError
 */
export function addressOf(flag: string, text: string): string {
  if (!isAddress(text)) throw new UsageError(`${flag}: ${expectedAddress(text)}`);
  return text;
}

export function sizeOf(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined)
    throw new InvalidArgumentError('Expected a number of bytes, or a size such as 512MiB.');
  return bytes;
}
