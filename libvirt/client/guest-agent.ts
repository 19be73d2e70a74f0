import type { CallName } from '../calls/all.ts';
import { CallNotAllowedError } from '../errors.ts';

/**
 * What a connection may send that is there to ask guest agents, and nothing else. libvirt counts that as
 * writing (remote_protocol.x: @acl domain:write), since a guest is made to do something, so the connection
 * has to be a writable one; this list is all that stands between it and the rest of the API. Neither
 * domainAgentSetResponseTimeout is on it, which changes how long everybody waits for that agent, nor
 * qemuAgentCommand, which runs what one likes.
 */
export const GUEST_AGENT_CALLS: ReadonlySet<CallName> = new Set<CallName>([
  'connectOpen',
  'connectClose',
  'connectSupportsFeature',
  'connectRegisterCloseCallback',
  'connectUnregisterCloseCallback',
  'authList',
  'authSaslInit',
  'authSaslStart',
  'authSaslStep',
  'authPolkit',
  'domainGetGuestInfo',
]);

/** @throws CallNotAllowedError when the call is not on the list. */
export function assertGuestAgent(name: CallName): void {
  if (GUEST_AGENT_CALLS.has(name)) return;
  throw new CallNotAllowedError(
    `${name} is not allowed on a connection for guest agents; open another connection for it`,
  );
}
