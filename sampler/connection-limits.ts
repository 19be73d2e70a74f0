import { parseUri } from '../libvirt/uri.ts';
import type { SamplerOptions } from './parts.ts';

/**
 * How many connections the calls to VMs use, depending on the transport. Over ssh each connection is a process on both
 * sides and takes a second to open, so there are only as many as the calls of a sample need at once (8 VMs, and what is
 * asked beside them, at 4 places each), and none is opened just for a moment.
 * @throws UriError
 */
export function connectionLimits(
  uri: string,
): Required<Pick<SamplerOptions, 'baseConnections' | 'maxConnections'>> | undefined {
  return parseUri(uri).transport === 'ssh' ? { baseConnections: 3, maxConnections: 3 } : undefined;
}
