import { attr, child, children, type Element, wholeNumber } from '../xml.ts';
import { nicNames } from './nic-names.ts';
import { pciAddress } from './pci-address.ts';

export interface NetworkInterface {
  /** `network`, `bridge`, `direct`, `hostdev`, ... */
  readonly type: string;
  /**
   * `vnet3`: the interface on the host, which statistics carry. Absent while the domain is not running, and for NICs
   * without one: vhost-user, user-mode, hostdev.
   */
  readonly target: string | undefined;
  /** What distinguishes it from the VM's other NICs while the VM runs; see `nicNames`. */
  readonly name: string | undefined;
  readonly alias: string | undefined;
  readonly mac: string | undefined;
  /** MAC that the guest has set instead (libvirt 11.2, trusted virtio NICs); absent where it has not. */
  readonly currentMac?: string | undefined;
  readonly model: string | undefined;
  /** The bridge, network, device, socket or PCI address that it is attached to. */
  readonly source: string | undefined;
  readonly virtualPort: string | undefined;
  readonly driver: string | undefined;
  readonly queues: number | undefined;
  readonly mtu: number | undefined;
  /** From the guest's point of view, as in libvirt: inbound is what the guest receives. */
  readonly bandwidth: { readonly inbound: Bandwidth; readonly outbound: Bandwidth };
}

/** KiB per second, and KiB for the burst. */
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
      // libvirt writes dev='' for a vhost-user NIC that Open vSwitch does not know.
      target: attr(child(element, 'target'), 'dev') || undefined,
      alias: attr(child(element, 'alias'), 'name'),
      mac: attr(child(element, 'mac'), 'address'),
      currentMac: macAddress(attr(child(element, 'mac'), 'currentAddress')),
      model: attr(child(element, 'model'), 'type'),
      // The live XML of a `network` interface also names its bridge, which is more specific.
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

/** The guest chooses it, so only a valid address is accepted. */
function macAddress(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? text : undefined;
}
