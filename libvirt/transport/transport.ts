import type { Duplex } from 'node:stream';

/** A stuck daemon never closes its side; a process that wants to exit must not wait for it. */
const END_TIMEOUT_MS = 500;

/** A byte stream in both directions, and whether anyone in between could read it. */
export interface Transport {
  /** For messages: `unix socket /run/libvirt/libvirt-sock`, `TLS to host:16514`. */
  readonly description: string;
  /** No one in between can read it: a local socket, TLS or ssh. */
  readonly isConfidential: boolean;
  write(bytes: Buffer): void;
  /** Called once, before anything is written. */
  start(handlers: { data(chunk: Buffer): void; closed(error: Error | undefined): void }): void;
  /** Flushes what is written, then closes, whether or not the other side does. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** A transport over any stream; `explain` provides the reason why the stream closed, where one is known. */
export function streamTransport(
  stream: Duplex,
  about: { description: string; isConfidential: boolean; explain?: () => Error | undefined },
): Transport {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    stream.uncork();
  };
  return {
    description: about.description,
    isConfidential: about.isConfidential,
    write: (bytes) => {
      if (!stream.writable) return;
      // Calls made in one turn go out in one system call: the cost is waking the daemon.
      if (!corked) {
        corked = true;
        stream.cork();
        process.nextTick(uncork);
      }
      stream.write(bytes);
    },
    start({ data, closed }) {
      let reason: Error | undefined;
      stream.on('data', data);
      stream.on('error', (error: Error) => {
        reason ??= error;
      });
      // A peer that ends its side is done; libvirt never half-closes.
      stream.once('end', () => stream.destroy());
      stream.once('close', () => closed(about.explain?.() ?? reason));
    },
    end: () => {
      stream.end();
      setTimeout(() => stream.destroy(), END_TIMEOUT_MS).unref();
    },
    destroy: () => stream.destroy(),
  };
}
