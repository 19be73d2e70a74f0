import { parseUri } from '../libvirt/uri.ts';

/**
 * Whether a URI leads to this machine's libvirt over its default socket. An explicit socket may be a tunnel or the
 * simulator.
 */
export function isLocalUri(uri: string): boolean {
  const { transport, params } = parseUri(uri);
  return transport === 'unix' && !params.has('socket');
}
