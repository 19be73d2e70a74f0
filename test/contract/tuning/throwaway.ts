import { expect } from 'vitest';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { XmlFlag } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { ParamType, type TypedParam } from '../../../libvirt/typed-params.ts';
import type { Domain } from '../../../libvirt/wire/types.ts';
import { attr, child, children, type Element, parseXml } from '../../../model/xml.ts';
import type { Expected } from '../expected.ts';

/** A host on which the tests can create a domain. */
export interface TuningTarget {
  open(): Promise<Connection>;
  /** `kvm` or `qemu`: what can run there. */
  readonly domainType: string;
  /** An existing raw image. */
  readonly image: string;
  readonly bridge: string;
}

export const NAME = 'vt-throwaway';
export const UUID = '00000000-0000-4000-8000-0000000c0d1e';
export const MAC = '52:54:00:00:0c:0d';

/** virDomainModificationImpact; CURRENT is the running domain if there is one, else the definition. */
export const CURRENT = 0;
export const LIVE = 1;
export const CONFIG = 2;
export const BOTH = 3;
export const VALIDATE = 1;

export const ullong = (field: string, value: number): TypedParam => ({
  field,
  type: ParamType.ullong,
  value,
});
export const llong = (field: string, value: number): TypedParam => ({ field, type: ParamType.llong, value });
export const uint = (field: string, value: number): TypedParam => ({ field, type: ParamType.uint, value });
export const int = (field: string, value: number): TypedParam => ({ field, type: ParamType.int, value });
export const string = (field: string, value: string): TypedParam => ({
  field,
  type: ParamType.string,
  value,
});

/** Parts of the definition that replace the default ones. */
export interface Parts {
  readonly name?: string;
  readonly uuid?: string;
  readonly memoryMiB?: number;
  readonly vcpu?: string;
  /** Between the vCPUs and the system: iothreads, cputune, numatune. */
  readonly more?: string;
  readonly machine?: string;
  readonly features?: string;
  readonly cpu?: string;
  readonly disks?: string;
  readonly nics?: string;
  readonly devices?: string;
}

/** A domain that is created, changed and removed again without leftovers. */
export class Throwaway {
  readonly connection: Connection;
  readonly target: TuningTarget;
  /** Expected behaviour of this daemon's versions. */
  readonly expected: Expected;

  constructor(connection: Connection, target: TuningTarget, expected: Expected) {
    this.connection = connection;
    this.target = target;
    this.expected = expected;
  }

  xml(parts: Parts = {}): string {
    const { domainType, bridge } = this.target;
    return `<domain type='${domainType}'>
  <name>${parts.name ?? NAME}</name>
  <uuid>${parts.uuid ?? UUID}</uuid>
  <memory unit='MiB'>${parts.memoryMiB ?? 64}</memory>
  ${parts.vcpu ?? '<vcpu>2</vcpu>'}
  ${parts.more ?? ''}
  <os><type arch='x86_64' machine='${parts.machine ?? 'q35'}'>hvm</type></os>
  ${parts.features ?? '<features><acpi/></features>'}
  ${parts.cpu ?? ''}
  <devices>
    ${parts.disks ?? this.disk("cache='none'")}
    ${parts.nics ?? `<interface type='bridge'><mac address='${MAC}'/><source bridge='${bridge}'/><model type='virtio'/></interface>`}
    ${parts.devices ?? "<memballoon model='virtio'><stats period='5'/></memballoon>"}
  </devices>
</domain>`;
  }

  disk(driver: string, bus = 'virtio', more = ''): string {
    const dev = bus === 'virtio' ? 'vda' : 'sda';
    return `<disk type='file' device='disk'><driver name='qemu' type='raw' ${driver}/><source file='${this.target.image}'/><target dev='${dev}' bus='${bus}'/>${more}</disk>`;
  }

  async define(xml: string, flags = VALIDATE): Promise<Domain> {
    return (await this.connection.call('domainDefineXmlFlags', { xml, flags })).domain;
  }

  /** Defines it again, and starts it if it should run. */
  async have(parts: Parts = {}, state: 'running' | 'off' = 'off'): Promise<Domain> {
    await this.remove();
    const domain = await this.define(this.xml(parts));
    return state === 'off' ? domain : this.start();
  }

  /** Paused: nothing boots, and it takes no CPU time. */
  async start(): Promise<Domain> {
    const { domain } = await this.connection.call('domainCreateWithFlags', {
      domain: await this.find(),
      flags: 1,
    });
    return domain;
  }

  async stop(): Promise<void> {
    await this.connection.call('domainDestroyFlags', { domain: await this.find(), flags: 0 });
  }

  async find(): Promise<Domain> {
    return (await this.connection.call('domainLookupByUuid', { uuid: UUID })).domain;
  }

  async remove(): Promise<void> {
    const { domains } = await this.connection.call('connectListAllDomains', { needResults: 1, flags: 0 });
    for (const domain of domains.filter(({ name }) => name.startsWith(NAME))) {
      if (domain.id !== -1) await this.connection.call('domainDestroyFlags', { domain, flags: 0 });
      await this.connection.call('domainUndefineFlags', { domain, flags: 0 }).catch(() => undefined);
    }
  }

  async inactive(): Promise<string> {
    const flags = XmlFlag.inactive | XmlFlag.secure;
    return (await this.connection.call('domainGetXmlDesc', { domain: await this.find(), flags })).xml;
  }

  async live(): Promise<string> {
    return (
      await this.connection.call('domainGetXmlDesc', { domain: await this.find(), flags: XmlFlag.secure })
    ).xml;
  }

  /** The values of both XMLs at a path; `-` if there is none. */
  async both(...path: readonly string[]): Promise<{ live: string; config: string }> {
    return { live: said(await this.live(), path), config: said(await this.inactive(), path) };
  }
}

/** An attribute (`@name`), or the text of an element, at a path of names: the first match of each. */
function said(xml: string, path: readonly string[]): string {
  const root = parseXml('a domain', xml, 'domain');
  const last = path.at(-1) ?? '';
  if (!last.startsWith('@')) return child(root, ...path)?.textContent ?? '-';
  return attr(child(root, ...path.slice(0, -1)), last.slice(1)) ?? '-';
}

/** libvirt's error number of a failed call. */
export async function codeOf(promise: Promise<unknown>): Promise<number> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RemoteError);
  return (error as RemoteError).libvirtCode;
}

/** XML without addresses and controllers, which libvirt assigns depending on where devices were plugged. */
export function withoutPlaces(xml: string): string {
  const root = parseXml('a domain', xml, 'domain');
  const devices = child(root, 'devices');
  for (const controller of children(devices, 'controller')) devices?.removeChild(controller);
  for (const device of children(devices))
    for (const address of children(device, 'address')) device.removeChild(address);
  return text(root, '');
}

/** One line per element, so that differences are visible. */
function text(element: Element, indent: string): string {
  const attributes = [...element.attributes]
    .map(({ name, value }) => ` ${name}=${JSON.stringify(value)}`)
    .join('');
  const inner = children(element).map((each) => text(each, `${indent}  `));
  const own = inner.length === 0 ? ` ${JSON.stringify(element.textContent ?? '')}` : '';
  return [`${indent}<${element.nodeName}${attributes}>${own}`, ...inner].join('\n');
}
