import { ErrorCode, SecretUsage } from '../../libvirt/constants.ts';
import { isRemoteError, RemoteError } from '../../libvirt/errors.ts';
import type { TunerConnection } from '../connection.ts';
import { LEASE_USAGE, type LeaseRecord, leaseXml, readLease } from './lease-record.ts';

/* The secret in libvirt that is the lock of a host: defined, found, removed. */

const CALL_MS = 30_000;

export interface Secret {
  readonly uuid: string;
  readonly usageType: number;
  readonly usageId: string;
}

/** A lock as it is in libvirt; `record` is undefined if another version of virtune wrote something else. */
interface FoundLease {
  readonly secret: Secret;
  readonly description: string;
  readonly record: LeaseRecord | undefined;
}

/** Defines the secret, or renews it. Returns libvirt's refusal; undefined when the secret is ours now. */
export async function defineLease(
  connection: TunerConnection,
  uuid: string,
  record: LeaseRecord,
): Promise<RemoteError | undefined> {
  try {
    const xml = leaseXml(uuid, record);
    await connection.call('secretDefineXml', { xml, flags: 0 }, { timeoutMs: CALL_MS });
    return undefined;
  } catch (error) {
    if (error instanceof RemoteError) return error;
    throw error;
  }
}

/** The lock of the run that holds the host; undefined if there is none. */
export async function findLease(connection: TunerConnection): Promise<FoundLease | undefined> {
  try {
    const of = { usageType: SecretUsage.tls, usageId: LEASE_USAGE };
    const { secret } = await connection.call('secretLookupByUsage', of, { timeoutMs: CALL_MS });
    const { xml } = await connection.call('secretGetXmlDesc', { secret, flags: 0 }, { timeoutMs: CALL_MS });
    return { secret, ...readLease(xml) };
  } catch (error) {
    if (isRemoteError(error, ErrorCode.noSecret)) return undefined;
    throw error;
  }
}

/** By its UUID: a secret that another run has defined since has another one. */
export async function undefineLease(connection: TunerConnection, secret: Secret): Promise<void> {
  try {
    await connection.call('secretUndefine', { secret }, { timeoutMs: CALL_MS });
  } catch (error) {
    if (!isRemoteError(error, ErrorCode.noSecret)) throw error;
  }
}

/** Whether the secret with this UUID exists. */
export async function leaseExists(connection: TunerConnection, uuid: string): Promise<boolean> {
  try {
    await connection.call('secretLookupByUuid', { uuid }, { timeoutMs: CALL_MS });
    return true;
  } catch (error) {
    if (isRemoteError(error, ErrorCode.noSecret)) return false;
    throw error;
  }
}

/** No secret driver, no daemon for it, or no permission for this user. */
export function hasNoSecrets({ libvirtCode }: RemoteError): boolean {
  const { noSupport, accessDenied, operationDenied, systemError, noConnect } = ErrorCode;
  return [noSupport, accessDenied, operationDenied, systemError, noConnect].some(
    (code) => code === libvirtCode,
  );
}
