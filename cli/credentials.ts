import type { Credentials } from '../libvirt/auth/mechanism.ts';
import { readSmallFile } from '../libvirt/small-file.ts';
import { unreadableText } from '../model/system-error.ts';
import { UsageError } from './usage-error.ts';

/** Undefined when neither flag is given. @throws UsageError when one is missing or the file cannot be read */
export async function credentialsOf({
  saslUsername,
  saslPasswordFile,
}: {
  readonly saslUsername?: string;
  readonly saslPasswordFile?: string;
}): Promise<Credentials | undefined> {
  if (saslUsername === undefined && saslPasswordFile === undefined) return undefined;
  if (saslUsername === undefined || saslPasswordFile === undefined) {
    throw new UsageError('--sasl-username and --sasl-password-file must be used together');
  }
  try {
    const password = (await readSmallFile(saslPasswordFile)).toString().split('\n')[0] ?? '';
    return { username: saslUsername, password };
  } catch (error) {
    throw new UsageError(`the password file ${saslPasswordFile} cannot be read: ${unreadableText(error)}`, {
      cause: error,
    });
  }
}
