import { attr, child, children, type Element, parseXml, text, wholeNumber } from '../../model/xml.ts';

/** What an emulator supports for a domain of one kind (https://libvirt.org/formatdomaincaps.html). */
export interface DomainCapabilities {
  readonly vcpusMaximum: number | undefined;
  /** Undefined: libvirt does not report it. */
  readonly ioThreads: boolean | undefined;
  /** Supported modes: `host-passthrough`, `host-model`, ... */
  readonly cpuModes: ReadonlySet<string>;
  readonly diskBuses: ReadonlySet<string>;
  /** Hyper-V enlightenments by libvirt's names: `relaxed`, `synic`, ... */
  readonly hyperv: ReadonlySet<string>;
}

/** @throws ModelXmlError if it is not such a document. */
export function parseDomainCapabilities(xml: string): DomainCapabilities {
  const root = parseXml('the domain capabilities', xml, 'domainCapabilities');
  const ioThreads = attr(child(root, 'iothreads'), 'supported');
  return {
    vcpusMaximum: wholeNumber(attr(child(root, 'vcpu'), 'max')),
    ioThreads: ioThreads === undefined ? undefined : ioThreads === 'yes',
    cpuModes: new Set(
      children(child(root, 'cpu'), 'mode').flatMap((mode) =>
        attr(mode, 'supported') === 'yes' ? (attr(mode, 'name') ?? []) : [],
      ),
    ),
    diskBuses: offered(child(root, 'devices', 'disk'), 'bus'),
    hyperv: offered(child(root, 'features', 'hyperv'), 'features'),
  };
}

/** The values of one enumeration; empty if the feature is not supported at all. */
function offered(element: Element | undefined, name: string): Set<string> {
  if (attr(element, 'supported') !== 'yes') return new Set();
  const found = children(element, 'enum').find((each) => attr(each, 'name') === name);
  return new Set(children(found, 'value').flatMap((value) => text(value) ?? []));
}
