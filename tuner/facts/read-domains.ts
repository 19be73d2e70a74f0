import type { CallName } from '../../libvirt/calls/all.ts';
import { ErrorCode, XmlFlag } from '../../libvirt/constants.ts';
import { isRemoteError } from '../../libvirt/errors.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { attr, child, text } from '../../model/xml.ts';
import { type DomainCapabilities, parseDomainCapabilities } from './domain-capabilities.ts';
import { domainView } from './domain-view.ts';
import type { DomainState, DomainView, Reader } from './facts.ts';
import { addPolling } from './polling.ts';

/** One stuck guest must not delay reading the others; reading its XML needs its lock, though not its monitor. */
const TIMEOUT_MS = 30_000;

/**
 * All domains of a host, as they run and as they will boot. A domain that disappears during the read is left out.
 * @throws ModelXmlError for XML that cannot be parsed; RemoteError as returned by libvirt.
 */
export async function readDomains(connection: Reader): Promise<DomainState[]> {
  const capabilities = new CapabilitiesCache(connection);
  const { domains } = await connection.call(
    'connectListAllDomains',
    { needResults: 1, flags: 0 },
    { timeoutMs: TIMEOUT_MS },
  );
  const states = await Promise.all(domains.map((domain) => readOne(connection, domain, capabilities)));
  return states.filter((state) => state !== undefined);
}

/** Reads one domain again. Undefined if it is gone. */
export function readDomain(connection: Reader, domain: Domain): Promise<DomainState | undefined> {
  return readOne(connection, domain, new CapabilitiesCache(connection));
}

async function readOne(
  connection: Reader,
  domain: Domain,
  capabilities: CapabilitiesCache,
): Promise<DomainState | undefined> {
  try {
    const [live, persistent] = await Promise.all([
      domain.id === -1 ? undefined : view(connection, domain, 0),
      ask(connection, 'domainIsPersistent', domain),
    ]);
    const inactive = persistent ? await view(connection, domain, XmlFlag.inactive) : undefined;
    if (live !== undefined) await addPolling(connection, domain, live);
    const either = inactive ?? live;
    return {
      domain,
      live,
      inactive,
      capabilities: either && (await capabilities.of(either)),
    };
  } catch (error) {
    if (isRemoteError(error, ErrorCode.noDomain)) return undefined;
    throw error;
  }
}

async function ask(
  connection: Reader,
  name: Extract<CallName, 'domainIsPersistent'>,
  domain: Domain,
): Promise<boolean> {
  const { persistent } = await connection.call(name, { domain }, { timeoutMs: TIMEOUT_MS });
  return persistent;
}

/** Includes secrets if allowed, since an undo defines this XML again. */
async function view(connection: Reader, domain: Domain, which: number): Promise<DomainView> {
  const flags = connection.readOnly ? which : which | XmlFlag.secure;
  const { xml } = await connection.call('domainGetXmlDesc', { domain, flags }, { timeoutMs: TIMEOUT_MS });
  const what = `the XML of domain ${JSON.stringify(domain.name)}`;
  return domainView(xml, what);
}

/** Caches capabilities, which are the same for domains of one kind: asking makes libvirt probe QEMU. */
class CapabilitiesCache {
  readonly #connection: Reader;
  readonly #known = new Map<string, Promise<DomainCapabilities | undefined>>();

  constructor(connection: Reader) {
    this.#connection = connection;
  }

  of({ root }: DomainView): Promise<DomainCapabilities | undefined> {
    const kind = {
      emulator: text(child(root, 'devices', 'emulator')),
      arch: attr(child(root, 'os', 'type'), 'arch'),
      machine: attr(child(root, 'os', 'type'), 'machine'),
      virtType: attr(root, 'type'),
    };
    const key = JSON.stringify(kind);
    const known = this.#known.get(key) ?? this.#ask(kind);
    this.#known.set(key, known);
    return known;
  }

  /** A kind unknown to libvirt has no capabilities: its own start will report the reason. */
  async #ask(kind: {
    readonly emulator: string | undefined;
    readonly arch: string | undefined;
    readonly machine: string | undefined;
    readonly virtType: string | undefined;
  }): Promise<DomainCapabilities | undefined> {
    try {
      const { xml } = await this.#connection.call(
        'connectGetDomainCapabilities',
        { ...kind, flags: 0 },
        { timeoutMs: 3 * TIMEOUT_MS },
      );
      return parseDomainCapabilities(xml);
    } catch {
      return undefined;
    }
  }
}
