import type { CallArgs, CallName } from '../../libvirt/calls/all.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import type { ManagedConnection } from '../../libvirt/client/managed.ts';
import { RemoteError } from '../../libvirt/errors.ts';
import type { Background } from '../../sampler/background-read.ts';
import type { AskHost } from '../../sampler/host/host-connections.ts';

export type Answers = { readonly [N in CallName]?: (args: CallArgs<N>) => unknown };

/** Answers calls from a table, for what the simulator lacks; other calls are refused. */
export function fakeConnection(answers: Answers): {
  connection: Connection;
  ask: AskHost;
  asked: CallName[];
} {
  const asked: CallName[] = [];
  const call = async (name: CallName, args: never): Promise<unknown> => {
    asked.push(name);
    const answer = answers[name];
    if (answer === undefined) throw new RemoteError(name, 3, 0, 'this function is not supported');
    return answer(args);
  };
  return { connection: { call } as unknown as Connection, ask: call as AskHost, asked };
}

/** Resolves once all background reads that can finish have finished. */
export async function settled(background: Background): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  await background.waitForAnswers({ firstUntilMs: 0, untilMs: 0 });
}

/** Registers listeners and delivers events to them. */
export function fakeEvents(): { control: ManagedConnection; emit: (name: string, payload: unknown) => void } {
  const listeners: [string, (payload: unknown) => void][] = [];
  return {
    control: {
      on: (name: string, listener: (payload: unknown) => void) => listeners.push([name, listener]),
    } as unknown as ManagedConnection,
    emit: (name, payload) => {
      for (const [of, listener] of listeners) if (of === name) listener(payload);
    },
  };
}

export const DOMAIN = { name: 'db', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 3 };
