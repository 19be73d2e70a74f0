import { labelText } from '../label-text.ts';
import { attr, child, children, type Element, text } from '../xml.ts';

/** Owner of an OpenStack instance, which Nova writes into <metadata> (nova/virt/libvirt/config.py). */
export interface NovaFacts {
  readonly instanceName: string | undefined;
  readonly flavor: string | undefined;
  readonly userName: string | undefined;
  readonly userUuid: string | undefined;
  readonly projectName: string | undefined;
  readonly projectUuid: string | undefined;
  readonly rootType: string | undefined;
  readonly rootUuid: string | undefined;
}

/** Prefix of Nova's namespace: the version at its end has changed before. */
const NOVA_NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/';

/** What oVirt's vdsm writes into <metadata> (vdsm, lib/vdsm/virt/metadata.py). */
export interface OvirtFacts {
  readonly clusterVersion: string | undefined;
  readonly resumeBehavior: string | undefined;
  readonly destroyOnReboot: string | undefined;
}

const OVIRT_NAMESPACE = 'http://ovirt.org/vm/';

export function parseNova(domain: Element): NovaFacts | undefined {
  const part = within(domain, 'instance', NOVA_NAMESPACE);
  return (
    part && {
      instanceName: words(part('name')),
      flavor: words(part('flavor'), 'name'),
      userName: words(part('owner', 'user')),
      userUuid: words(part('owner', 'user'), 'uuid'),
      projectName: words(part('owner', 'project')),
      projectUuid: words(part('owner', 'project'), 'uuid'),
      rootType: words(part('root'), 'type'),
      rootUuid: words(part('root'), 'uuid'),
    }
  );
}

export function parseOvirt(domain: Element): OvirtFacts | undefined {
  const part = within(domain, 'vm', OVIRT_NAMESPACE);
  return (
    part && {
      clusterVersion: words(part('clusterVersion')),
      resumeBehavior: words(part('resumeBehavior')),
      destroyOnReboot: words(part('destroy_on_reboot')),
    }
  );
}

/** Finds parts of one program's metadata by name; undefined when it wrote none. */
function within(
  domain: Element,
  name: string,
  namespace: string,
): ((...path: string[]) => Element | undefined) | undefined {
  const root = children(child(domain, 'metadata')).find(
    (element) => element.localName === name && element.namespaceURI?.startsWith(namespace) === true,
  );
  if (root === undefined) return undefined;
  // The writer chooses the prefix, so names are compared without it.
  return (...path) => {
    let at: Element | undefined = root;
    for (const step of path) at = children(at).find((element) => element.localName === step);
    return at;
  };
}

/** An element's text, or an attribute of it. Tenants choose these texts freely, so they are truncated. */
function words(element: Element | undefined, attribute?: string): string | undefined {
  const value = attribute === undefined ? text(element) : attr(element, attribute);
  return value === undefined ? undefined : labelText(value);
}
