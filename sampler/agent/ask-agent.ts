import type { CallResult } from '../../libvirt/calls/all.ts';
import { ErrorCode, GuestInfoType } from '../../libvirt/constants.ts';
import { AuthError, CallAbandonedError, ConnectError, RemoteError } from '../../libvirt/errors.ts';
import { type GuestInfo, readGuestInfo } from '../../model/guest.ts';
import { LIBVIRT_FEATURES } from '../../model/libvirt-features.ts';
import type { MissingReason } from '../../model/missing.ts';
import { versionNumber } from '../../model/versions.ts';

const LOAD_SINCE = versionNumber(LIBVIRT_FEATURES.guestLoad.libvirt);

export type AskGuest = (types: number) => Promise<CallResult<'domainGetGuestInfo'> | 'late'>;

/** What to ask an agent for besides its file systems. */
export interface Wanted {
  /** Operating system and host name. */
  readonly withOs: boolean;
  readonly libvirtVersion: number | undefined;
}

/**
 * Asks for file systems first, then in separate calls for what not every agent or libvirt can report, since
 * libvirt fails a whole call for one thing that the agent does not know. Rejects as the calls do, except that
 * a RemoteError of a later one is ignored.
 */
export async function askAgent(ask: AskGuest, wanted: Wanted): Promise<GuestInfo | 'late'> {
  const reply = await ask(GuestInfoType.filesystem);
  if (reply === 'late') return 'late';
  const params = [...reply.params];
  if ((wanted.libvirtVersion ?? 0) >= LOAD_SINCE) params.push(...(await optional(ask, GuestInfoType.load)));
  if (wanted.withOs) {
    params.push(...(await optional(ask, GuestInfoType.os)));
    params.push(...(await optional(ask, GuestInfoType.hostname)));
  }
  return readGuestInfo(params);
}

/** Empty where libvirt or the agent cannot report it. */
async function optional(ask: AskGuest, type: number): Promise<CallResult<'domainGetGuestInfo'>['params']> {
  try {
    const reply = await ask(type);
    return reply === 'late' ? [] : reply.params;
  } catch (error) {
    if (error instanceof RemoteError) return [];
    throw error;
  }
}

const REASONS: Readonly<Record<number, MissingReason>> = {
  [ErrorCode.noSupport]: 'not_supported',
  [ErrorCode.operationInvalid]: 'not_running',
  [ErrorCode.argumentUnsupported]: 'no_agent',
  [ErrorCode.agentUnresponsive]: 'agent_not_connected',
  [ErrorCode.operationDenied]: 'not_permitted',
  [ErrorCode.accessDenied]: 'not_permitted',
  [ErrorCode.authFailed]: 'not_permitted',
  [ErrorCode.authCancelled]: 'not_permitted',
  [ErrorCode.authUnavailable]: 'not_permitted',
};

/** Why an agent reported nothing, from the error of the call. */
export function reasonOf(error: unknown): MissingReason {
  if (error instanceof CallAbandonedError) return 'agent_unresponsive';
  if (error instanceof RemoteError) return REASONS[error.libvirtCode] ?? 'agent_error';
  if (error instanceof AuthError) return 'not_permitted';
  if (error instanceof ConnectError && error.code === 'LIBVIRT_PERMISSION') return 'not_permitted';
  return 'no_connection';
}
