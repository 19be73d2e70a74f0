import { parseUri } from '../libvirt/uri.ts';

/**
 * Whether a URI leads to this machine's own libvirt: a socket that it does not name itself does. A named one may be
 * a tunnel, or the simulator.
 */
export function isLocalUri(uri: string): boolean {
  const { transport, params } = parseUri(uri);
  return transport === 'unix' && !params.has('socket');
}
