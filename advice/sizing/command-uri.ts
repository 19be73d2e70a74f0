import { isIP } from 'node:net';
import { DEFAULT_URI } from '../commands.ts';
import { hostOf } from '../fleet/constraints.ts';
import { uriOf } from '../fleet/virsh.ts';

/** The machine that a command is run on. */
export interface Here {
  readonly hostname: string;
  /** Of all its interfaces. */
  readonly addresses: ReadonlySet<string>;
}

/**
 * URI of libvirt on the host with this label `instance`; for another host it contains the host's name. Undefined where
 * the label is not a host.
 */
export function commandUri(instance: string, here: Here): string | undefined {
  return isHere(hostOf(instance), here) ? DEFAULT_URI : uriOf(instance);
}

function isHere(host: string, { hostname, addresses }: Here): boolean {
  if (isIP(host) !== 0) return addresses.has(host) || host.startsWith('127.') || host === '::1';
  const [a, b] = [host, hostname].map((name) => name.toLowerCase().replace(/\.$/, '').split('.'));
  if (a === undefined || b === undefined) return false;
  if (a[0] === 'localhost') return true;
  // Either may lack its domain.
  return a[0] === b[0] && (a.length === 1 || b.length === 1 || a.join('.') === b.join('.'));
}
