import { expect, test } from 'vitest';
import { ErrorCode, GuestInfoType } from '../../libvirt/constants.ts';
import {
  AuthError,
  CallAbandonedError,
  ClosedError,
  ConnectError,
  RemoteError,
} from '../../libvirt/errors.ts';
import { type AskGuest, askAgent, reasonOf } from '../../sampler/agent/ask-agent.ts';

const remote = (code: number): RemoteError => new RemoteError('domainGetGuestInfo', code, 0, 'no');
const ALL = { withOs: true, libvirtVersion: 11_002_000 };

/** Returns these for each type of information, and nothing for the rest. */
function agent(answers: Readonly<Record<number, Error | 'late'>> = {}): { ask: AskGuest; asked: number[] } {
  const asked: number[] = [];
  const ask: AskGuest = async (types) => {
    asked.push(types);
    const answer = answers[types];
    if (answer instanceof Error) throw answer;
    return answer ?? { params: [] };
  };
  return { ask, asked };
}

test('an agent is asked for load since libvirt 11.2, and for names where they are wanted, each in its own call', async () => {
  const { filesystem, load, os, hostname } = GuestInfoType;
  for (const [wanted, types] of [
    [ALL, [filesystem, load, os, hostname]],
    [{ withOs: true, libvirtVersion: 11_001_999 }, [filesystem, os, hostname]],
    [{ withOs: false, libvirtVersion: undefined }, [filesystem]],
  ] as const) {
    const { ask, asked } = agent();
    await askAgent(ask, wanted);
    expect(asked).toEqual(types);
  }
});

test('an agent that does not know of load, or is late with it, keeps the rest', async () => {
  for (const answer of [remote(ErrorCode.argumentUnsupported), 'late'] as const) {
    const { ask, asked } = agent({ [GuestInfoType.load]: answer });
    expect(await askAgent(ask, ALL)).toMatchObject({ filesystems: [], load: undefined });
    expect(asked).toHaveLength(4);
  }
});

test('an agent that is late or fails with file systems is asked no more, and a lost connection ends it all', async () => {
  const late = agent({ [GuestInfoType.filesystem]: 'late' });
  expect(await askAgent(late.ask, ALL)).toBe('late');
  expect(late.asked).toHaveLength(1);
  const failing = agent({ [GuestInfoType.filesystem]: remote(ErrorCode.agentUnresponsive) });
  await expect(askAgent(failing.ask, ALL)).rejects.toThrow();
  const lost = agent({ [GuestInfoType.load]: new ClosedError('gone') });
  await expect(askAgent(lost.ask, ALL)).rejects.toThrow('gone');
  expect(lost.asked).toHaveLength(2);
});

test.each([
  [
    'a call past its deadline',
    new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'x', Promise.resolve()),
    'agent_unresponsive',
  ],
  ['a driver without agents', remote(ErrorCode.noSupport), 'not_supported'],
  ['a VM that does not run', remote(ErrorCode.operationInvalid), 'not_running'],
  ['a VM without an agent', remote(ErrorCode.argumentUnsupported), 'no_agent'],
  ['an agent that is not connected', remote(ErrorCode.agentUnresponsive), 'agent_not_connected'],
  ['a denied operation', remote(ErrorCode.operationDenied), 'not_permitted'],
  ['denied access', remote(ErrorCode.accessDenied), 'not_permitted'],
  ['a failed login', remote(ErrorCode.authFailed), 'not_permitted'],
  ['a login that was cancelled', remote(ErrorCode.authCancelled), 'not_permitted'],
  ['no way to log in', remote(ErrorCode.authUnavailable), 'not_permitted'],
  ['another error of libvirt', remote(ErrorCode.internal), 'agent_error'],
  ['credentials that are missing', new AuthError('LIBVIRT_AUTH_NO_CREDENTIALS', 'x'), 'not_permitted'],
  ['a socket without permission', new ConnectError('LIBVIRT_PERMISSION', 'x'), 'not_permitted'],
  ['a connection that was lost', new ClosedError('x'), 'no_connection'],
])('%s is the reason %s', (_, error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});
