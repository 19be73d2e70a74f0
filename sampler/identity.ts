import type { CallArgs, CallName, CallResult } from '../libvirt/calls/all.ts';
import { CallAbandonedError } from '../libvirt/errors.ts';
import { hostUuid } from '../model/topology.ts';
import type { HostIdentity } from './host-sample.ts';
import { Outstanding } from './outstanding.ts';

export type AskIdentity = <N extends Extract<CallName, 'connectGetHostname' | 'connectGetCapabilities'>>(
  name: N,
  args: CallArgs<N>,
) => Promise<CallResult<N> | 'late'>;

/**
 * Which host it is, asked once a connection. A daemon that was started just now takes seconds for its capabilities:
 * whoever asks meanwhile does without, since half an identity would be another one.
 */
export class Identity {
  readonly #outstanding = new Outstanding(1);
  #known: HostIdentity | undefined;

  get known(): HostIdentity | undefined {
    return this.#known;
  }

  forget(): void {
    this.#known = undefined;
  }

  /** Never rejects; undefined where the daemon has not told it yet. */
  async read(ask: AskIdentity): Promise<HostIdentity | undefined> {
    if (this.#known !== undefined) return this.#known;
    const told = await this.#outstanding
      .ask('identity', async () => {
        const name = await orNothing(ask('connectGetHostname', undefined));
        const capabilities =
          name === 'late' ? 'late' : await orNothing(ask('connectGetCapabilities', undefined));
        if (name === 'late' || capabilities === 'late') return undefined;
        return { hostname: name?.hostname, uuid: capabilities && hostUuid(capabilities.xml) };
      })
      .catch(() => undefined);
    this.#known = told ?? this.#known;
    return this.#known;
  }
}

/** A driver without the one or the other is no reason not to ask it for the rest; one that is slow is waited for. */
function orNothing<T>(answer: Promise<T | 'late'>): Promise<T | 'late' | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof CallAbandonedError) throw error;
    return undefined;
  });
}
