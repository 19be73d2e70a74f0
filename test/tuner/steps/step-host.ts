import type { CallArgs, CallName, CallResult } from '../../../libvirt/calls/all.ts';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import type { LocalRoots, StepHost } from '../../../tuner/steps/step-host.ts';

export type Answers = { readonly [N in CallName]?: (args: CallArgs<N>) => CallResult<N> };

/** A host that answers these calls, rejects all others, and never waits. */
export function stepHost(answers: Answers, local?: LocalRoots): StepHost {
  let nowMs = 0;
  return {
    call: async <N extends CallName>(name: N, args: CallArgs<N>): Promise<CallResult<N>> => {
      const answer: ((args: CallArgs<N>) => CallResult<N>) | undefined = answers[name];
      if (answer === undefined) throw new RemoteError(name, ErrorCode.noSupport, 0, 'not supported');
      return answer(args);
    },
    local,
    restart: { shutdownMs: 1_000, settleMs: 1_000, forceOff: false },
    wait: async (ms) => {
      nowMs += ms;
    },
    nowMs: () => nowMs,
    say: () => undefined,
    saved: () => undefined,
    shutdowns: new Map(),
    failedStarts: new Set(),
  };
}
