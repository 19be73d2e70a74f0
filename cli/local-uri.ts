import { parseUri } from '../libvirt/uri.ts';

/** A socket that the URI does not name itself leads to this machine's own libvirt. */
export function isLocal(uri: string): boolean {
  const { transport, params } = parseUri(uri);
  return transport === 'unix' && !params.has('socket');
}
