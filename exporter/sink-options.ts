import { z } from 'zod';
import { type ReadFile, readSmallFile } from '../libvirt/small-file.ts';
import { certificateFault } from '../libvirt/transport/certificate-fault.ts';
import { ConfigError } from '../model/config-error.ts';
import { unreadableText } from '../model/system-error.ts';

export const KIB = 1_024;
/** Sampling intervals of sinks. */
export const INTERVAL_RANGE = { minSeconds: 1, maxSeconds: 3_600 };

/** Options of a sink from the configuration file, overridden by flags. */
export type SinkOptions<Options> = Options & {
  /** Where each option was set, for errors: a flag, or a key and its file. */
  readonly origins?: Readonly<Partial<Record<keyof Options, string>>> | undefined;
};

/** Where an option was set, for errors; if it is not set, its key below `section` of the file. */
export function originsOf<Options>(
  section: string,
  { origins }: SinkOptions<Options>,
): (name: keyof Options & string) => string {
  return (name) => origins?.[name] ?? `${section}.${name}`;
}

/** Where options were set, for an error about a missing one. */
export function originsText<Options>({ origins }: SinkOptions<Options>): string {
  const set = Object.values(origins ?? {}).join(', ');
  return set === '' ? '' : `, only ${set}`;
}

/** Whether this is a valid server address: http or https, and without credentials, since secrets belong in a file. */
export function isAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

/** Error text for an invalid address. It may contain a password, which must not end up in errors and logs. */
export function expectedAddress(text: string): string {
  const shown = text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1***@').replace(/[?#].*$/s, '?***');
  return `expected an http:// or https:// address without user name or password, not ${JSON.stringify(shown)}`;
}

/** An address in the configuration file. */
export const addressSchema = z
  .string()
  .refine(isAddress, { error: ({ input }) => expectedAddress(String(input)) });

/** The valid range of a size. */
export interface SizeRange {
  readonly minBytes: number;
  readonly maxBytes?: number | undefined;
  /** Why there is a maximum, if not obvious. */
  readonly maxReason?: string | undefined;
}

/** For the files of a queue, and for dead letters. */
export const QUEUE_SIZE_RANGE: SizeRange = { minBytes: KIB ** 2 };

/** @throws ConfigError that names where the size was set, and the range */
export function checkSize(where: string, bytes: number, { minBytes, maxBytes, maxReason }: SizeRange): void {
  if (bytes >= minBytes && bytes <= (maxBytes ?? Number.POSITIVE_INFINITY)) return;
  const range = maxBytes === undefined ? `at least ${minBytes}` : `${minBytes} to ${maxBytes}`;
  const reason = maxReason === undefined ? '' : ` (${maxReason})`;
  throw new ConfigError(`${where}: expected ${range} bytes, not ${bytes}${reason}`);
}

export function exclusive(one: string, other: string): ConfigError {
  return new ConfigError(`${one} and ${other} are both set; remove one of them`);
}

/** @throws ConfigError that names where the file was set */
export async function readSetFile(
  where: string,
  file: string,
  read: ReadFile = readSmallFile,
): Promise<string> {
  try {
    return (await read(file)).toString();
  } catch (error) {
    throw new ConfigError(`${where}: the file ${file} cannot be read: ${unreadableText(error)}`, {
      cause: error,
    });
  }
}

/** Reads CA certificates. @throws ConfigError if the file has none, or a damaged one */
export async function readCaFile(where: string, file: string, read?: ReadFile): Promise<string> {
  const text = await readSetFile(where, file, read);
  const fault = certificateFault(text);
  if (fault !== undefined) throw new ConfigError(`${where}: the file ${file} ${fault}`);
  return text;
}
