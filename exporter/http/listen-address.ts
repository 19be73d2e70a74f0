import { VirtuneError } from '../../model/virtune-error.ts';
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export class ListenAddressError extends VirtuneError {
  override readonly name = 'ListenAddressError';
  constructor(message: string, options?: ErrorOptions) {
    super('HTTP_LISTEN_ADDRESS', message, options);
  }
}

/**
 * `host:port`, `[v6]:port`, `:port` (every address) or `port` (loopback).
 * @throws ListenAddressError
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new ListenAddressError(
      `"${text}" is not a listen address; expected host:port, [::1]:port or :port`,
    );
  }
  const named = match[1] ?? match[2];
  return { host: named === undefined ? '127.0.0.1' : named === '' ? '::' : named, port };
}
