import { parseUri } from '../libvirt/uri.ts';
import type { SamplerOptions } from './parts.ts';

/**
 * How many connections the calls to VMs go over, by how their host is reached. Over ssh each connection is a process on both sides
 * and takes a second to open, so there are as few as hold the calls of a sample at once (8 VMs, and what is asked beside them, of 4
 * places each), and none that is opened for a moment.
 * @throws UriError
 */
export function connectionLimits(
  uri: string,
): Required<Pick<SamplerOptions, 'baseConnections' | 'maxConnections'>> | undefined {
  return parseUri(uri).transport === 'ssh' ? { baseConnections: 3, maxConnections: 3 } : undefined;
}
