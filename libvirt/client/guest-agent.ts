import type { CallName } from '../calls/all.ts';
import { CallNotAllowedError } from '../errors.ts';

/**
 * What a connection for guest agents may send. libvirt counts asking an agent as writing (remote_protocol.x:
 * @acl domain:write), since it makes the guest do something, so the connection has to be writable; only this
 * list keeps it from the rest of the API. Two calls are left out on purpose: domainAgentSetResponseTimeout
 * changes how long every client waits for that agent, and qemuAgentCommand runs arbitrary commands.
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
