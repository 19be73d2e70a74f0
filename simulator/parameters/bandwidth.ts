import { ParamType } from '../../libvirt/typed-params.ts';
import { attr, child, children, type Element, wholeNumber } from '../../model/xml.ts';
import { ensure, remove, setAttr } from '../xml/edit.ts';
import type { Field, Group } from './group.ts';

/** Finds a NIC by its MAC address or its name on the host. */
export function nicOf(domain: Element, device: string): Element | undefined {
  return children(child(domain, 'devices'), 'interface').find(
    (nic) =>
      attr(child(nic, 'mac'), 'address')?.toLowerCase() === device.toLowerCase() ||
      attr(child(nic, 'target'), 'dev') === device,
  );
}

function speed(way: 'inbound' | 'outbound', name: string): Field {
  return {
    field: `${way}.${name}`,
    type: ParamType.uint,
    unset: { live: 0, config: 0 },
    read: (domain, device) => wholeNumber(attr(child(nicOf(domain, device), 'bandwidth', way), name)),
    write: (domain, device, value) => {
      const nic = nicOf(domain, device);
      if (nic === undefined) return;
      const element = ensure(nic, 'bandwidth', way);
      setAttr(element, name, Number(value) === 0 ? undefined : String(value));
      // There is no limit without an average: remove the other attributes too.
      if (wholeNumber(attr(element, 'average')) === undefined) remove(element);
    },
  };
}

/** virsh domiftune; the average comes first, since the others require it */
export const bandwidth: Group = {
  fields: [
    ...['average', 'peak', 'burst', 'floor'].map((name) => speed('inbound', name)),
    ...['average', 'peak', 'burst'].map((name) => speed('outbound', name)),
  ],
};
