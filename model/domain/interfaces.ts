import { attr, child, children, type Element, wholeNumber } from '../xml.ts';
import { nicNames } from './nic-names.ts';
import { pciAddress } from './pci-address.ts';

export interface NetworkInterface {
  /** `network`, `bridge`, `direct`, `hostdev`, ... */
  readonly type: string;
  /**
   * `vnet3`: the host's side, which statistics carry. Absent while the domain is not running, and for NICs without one:
   * vhost-user, user-mode, hostdev.
   */
  readonly target: string | undefined;
  /** What distinguishes it from the VM's other NICs while the VM runs; see `nicNames`. */
  readonly name: string | undefined;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
  /** What the guest has set in its place (libvirt 11.2, trusted virtio NICs); absent where it has not. */
  readonly currentMac?: string | undefined;
  readonly model: string | undefined;
  /** The bridge, network, device, socket or PCI address that it hangs on. */
  readonly source: string | undefined;
  readonly virtualPort: string | undefined;
  readonly driver: string | undefined;
  readonly queues: number | undefined;
  readonly mtu: number | undefined;
  /** Traffic to the guest and from it, as libvirt says it: inbound is what the guest receives. */
  readonly bandwidth: { readonly inbound: Bandwidth; readonly outbound: Bandwidth };
}

/** KiB a second, and KiB for the burst. */
export interface Bandwidth {
  readonly averageKiB: number | undefined;
  readonly peakKiB: number | undefined;
  readonly burstKiB: number | undefined;
}

export function parseInterfaces(devices: Element | undefined): NetworkInterface[] {
  const nics = children(devices, 'interface').map((element) => {
    const source = child(element, 'source');
    const driver = child(element, 'driver');
    return {
      type: attr(element, 'type') ?? 'unknown',
      // libvirt writes dev='' where Open vSwitch does not know a vhost-user NIC.
      target: attr(child(element, 'target'), 'dev') || undefined,
      alias: attr(child(element, 'alias'), 'name'),
      mac: attr(child(element, 'mac'), 'address'),
      currentMac: macAddress(attr(child(element, 'mac'), 'currentAddress')),
      model: attr(child(element, 'model'), 'type'),
      // The live XML of a `network` interface names its bridge as well, which says more.
      source: sourceName(source),
      virtualPort: attr(child(element, 'virtualport', 'parameters'), 'interfaceid'),
      driver: attr(driver, 'name'),
      queues: wholeNumber(attr(driver, 'queues')),
      mtu: wholeNumber(attr(child(element, 'mtu'), 'size')),
      bandwidth: {
        inbound: bandwidth(child(element, 'bandwidth', 'inbound')),
        outbound: bandwidth(child(element, 'bandwidth', 'outbound')),
      },
    };
  });
  const names = nicNames(nics);
  return nics.map((nic, index) => ({ ...nic, name: names[index] }));
}

function sourceName(source: Element | undefined): string | undefined {
  for (const name of ['bridge', 'network', 'dev', 'path', 'switchid']) {
    const value = attr(source, name);
    if (value !== undefined) return value;
  }
  // Sockets between QEMUs: udp, mcast, server, client.
  const [address, port] = [attr(source, 'address'), attr(source, 'port')];
  if (port !== undefined) return `${address ?? ''}:${port}`;
  return pciAddress(child(source, 'address'));
}

function bandwidth(element: Element | undefined): Bandwidth {
  return {
    averageKiB: wholeNumber(attr(element, 'average')),
    peakKiB: wholeNumber(attr(element, 'peak')),
    burstKiB: wholeNumber(attr(element, 'burst')),
  };
}

/** The guest chooses it: only what is an address. */
function macAddress(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? text : undefined;
}
