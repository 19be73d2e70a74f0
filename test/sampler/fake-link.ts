import type { CallName } from '../../libvirt/calls/all.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { MAX_IN_FLIGHT } from '../../libvirt/client/rpc-channel.ts';

interface Out {
  readonly name: CallName;
  readonly options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A connection whose calls stay in flight until the test answers them. */
export class FakeLink {
  readonly out: Out[] = [];
  abandonedCalls = 0;
  closedByClient = false;
  #onClose: (reason: Error) => void = () => undefined;

  get freePlaces(): number {
    return MAX_IN_FLIGHT - this.out.length - this.abandonedCalls;
  }

  call(name: CallName, _args: unknown, options?: Out['options']): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.out.push({ name, options, resolve, reject });
    return promise;
  }

  onClose(listener: (reason: Error) => void): void {
    this.#onClose = listener;
  }

  async close(): Promise<void> {
    this.closedByClient = true;
    this.#onClose(new Error('closed by the client'));
  }

  get names(): CallName[] {
    return this.out.map(({ name }) => name);
  }

  /** Answers the oldest call in flight, with its own name or with this error. */
  async answer(error?: Error): Promise<void> {
    const call = this.out.shift();
    if (error === undefined) call?.resolve(call.name);
    else call?.reject(error);
    await turns();
  }

  /** The peer closes the connection. */
  lose(): void {
    this.#onClose(new Error('the daemon went away'));
  }
}

/** Opens fake connections: at once, or when the test says so. */
export class FakeOpener {
  readonly links: FakeLink[] = [];
  readonly pending: {
    readonly succeed: () => Promise<void>;
    readonly fail: (error: Error) => Promise<void>;
  }[] = [];
  /** Whether each opening waits for the test. */
  held = false;

  readonly open = (): Promise<Connection> => {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>();
    const succeed = (): Promise<void> => {
      const link = new FakeLink();
      this.links.push(link);
      resolve(link as unknown as Connection);
      return turns();
    };
    const fail = (error: Error): Promise<void> => {
      reject(error);
      return turns();
    };
    if (this.held) this.pending.push({ succeed, fail });
    else void succeed();
    return promise;
  };

  link(index: number): FakeLink {
    return this.links[index] as FakeLink;
  }
}

/** Waits until callbacks of settled results have run. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
