import { attr, child, children, type Element, text } from '../xml.ts';

/** Who owns an OpenStack instance: what Nova writes into <metadata> (nova/virt/libvirt/config.py). */
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

/** Nova's namespace, by its start: the version at its end has changed before. */
const NOVA_NAMESPACE = 'http://openstack.org/xmlns/libvirt/nova/';

export function parseNova(domain: Element): NovaFacts | undefined {
  const instance = children(child(domain, 'metadata')).find(
    (element) =>
      element.localName === 'instance' && element.namespaceURI?.startsWith(NOVA_NAMESPACE) === true,
  );
  if (instance === undefined) return undefined;
  // The prefix is the writer's choice, so names are compared without it.
  const part = (...path: string[]): Element | undefined => {
    let at: Element | undefined = instance;
    for (const name of path) at = children(at).find((element) => element.localName === name);
    return at;
  };
  return {
    instanceName: text(part('name')),
    flavor: attr(part('flavor'), 'name'),
    userName: text(part('owner', 'user')),
    userUuid: attr(part('owner', 'user'), 'uuid'),
    projectName: text(part('owner', 'project')),
    projectUuid: attr(part('owner', 'project'), 'uuid'),
    rootType: attr(part('root'), 'type'),
    rootUuid: attr(part('root'), 'uuid'),
  };
}
