import { Program } from '../wire/frame.ts';
import type { ArgsOf, CallDeclaration, RetOf } from './call.ts';
import { connectionCalls } from './connection.ts';
import { domainCalls } from './domain.ts';
import { nodeCalls } from './node.ts';
import { secretCalls } from './secret.ts';
import { storageCalls } from './storage.ts';
import { tuningCalls } from './tuning.ts';

/** Every procedure this client speaks, by its name in libvirt's API. */
export const calls = {
  ...connectionCalls,
  ...domainCalls,
  ...tuningCalls,
  ...nodeCalls,
  ...storageCalls,
  ...secretCalls,
};

export type CallName = keyof typeof calls;
export type CallArgs<N extends CallName> = ArgsOf<(typeof calls)[N]>;
export type CallResult<N extends CallName> = RetOf<(typeof calls)[N]>;

export function programOf(call: CallDeclaration): number {
  return call.program === 'qemu' ? Program.qemu : Program.remote;
}

const byNumber = new Map<string, CallName>(
  (Object.entries(calls) as [CallName, CallDeclaration][]).map(([name, call]) => [
    `${programOf(call)}:${call.proc}`,
    name,
  ]),
);

/** The call with this number, or undefined; a server needs it to decode a frame. */
export function callByNumber(program: number, procedure: number): CallName | undefined {
  return byNumber.get(`${program}:${procedure}`);
}
