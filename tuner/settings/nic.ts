import { attr, child, type Element } from '../../model/xml.ts';
import type { StepParam } from '../steps/step.ts';
import { attributeSetting, custom } from './declare.ts';
import { ensurePath, removePath } from './edit.ts';
import { wholeParam } from './params.ts';
import type { Setting } from './setting.ts';
import { targetElement } from './targets.ts';
import { positive, whole } from './values.ts';

// Changes to a NIC's model and driver are rejected while the domain runs; only bandwidth can change.

function driverSetting(
  id: string,
  title: string,
  attribute: string,
  canonical?: (text: string) => string | undefined,
): Setting {
  return attributeSetting({ id, title, on: 'nic', path: ['driver'], attribute, canonical });
}

const PARTS = ['average', 'peak', 'burst', 'floor'] as const;

/** `average=1000 peak=2000 burst=1024`: KiB per second, and KiB for the burst. */
function bandwidthText(element: Element | undefined): string | undefined {
  const parts = PARTS.flatMap((part) => {
    const value = positive(attr(element, part));
    return value === undefined ? [] : [`${part}=${value}`];
  });
  return parts.length === 0 ? undefined : parts.join(' ');
}

/** The parts that are set; undefined for an invalid bandwidth. */
export function parseBandwidth(value: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  for (const word of value.split(' ')) {
    const [, name, count] = /^([a-z]+)=([1-9]\d{0,9})$/.exec(word) ?? [];
    const part = PARTS.find((each) => each === name);
    if (part === undefined || count === undefined || found.has(part)) return undefined;
    found.set(part, count);
  }
  return found;
}

function bandwidthSetting(direction: 'inbound' | 'outbound', whose: string): Setting {
  const path = ['bandwidth', direction] as const;
  return custom({
    id: `nic.bandwidth.${direction}`,
    title: `bandwidth limit ${whose}`,
    on: 'nic',
    path,
    read: bandwidthText,
    write: (nic, value) => {
      const parts = value === undefined ? undefined : parseBandwidth(value);
      if (parts === undefined) {
        removePath(nic, path);
        return;
      }
      const element = ensurePath(nic, path);
      for (const part of PARTS) {
        const count = parts.get(part);
        if (count === undefined) element.removeAttribute(part);
        else element.setAttribute(part, count);
      }
    },
    live: ({ domain, target, to, live }) => {
      const device = attr(child(targetElement(live, 'nic', target), 'target'), 'dev');
      if (device === undefined) return undefined;
      const parts = to === undefined ? new Map<string, string>() : parseBandwidth(to);
      // There is no outbound floor, and libvirt rejects the parameter.
      const names = PARTS.filter((part) => part !== 'floor' || direction === 'inbound');
      const params: StepParam[] = names
        .filter((part) => part !== 'floor' || parts?.has(part) === true)
        .map((part) => wholeParam(`${direction}.${part}`, 'uint', parts?.get(part) ?? '0'));
      return [{ kind: 'bandwidth', domain, device, to: params }];
    },
  });
}

export const nicSettings = [
  attributeSetting({
    id: 'nic.model',
    title: 'NIC model that the guest sees',
    on: 'nic',
    path: ['model'],
    attribute: 'type',
  }),
  driverSetting('nic.driver', 'NIC backend: vhost or qemu', 'name'),
  // One is the default, which libvirt does not write.
  driverSetting('nic.queues', 'NIC queue pairs', 'queues', (count) =>
    whole(count) === '1' ? undefined : positive(count),
  ),
  driverSetting('nic.rxQueueSize', 'receive ring size, packets', 'rx_queue_size', whole),
  driverSetting('nic.txQueueSize', 'transmit ring size, packets', 'tx_queue_size', whole),
  bandwidthSetting('inbound', 'to the guest'),
  bandwidthSetting('outbound', 'from the guest'),
] as const;
