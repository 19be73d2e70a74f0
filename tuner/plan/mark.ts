import { attr, child, children, type Element } from '../../model/xml.ts';

/** Whose metadata it is, in each domain that was tuned. */
export const MARK_NAMESPACE = 'https://virtune.dev/xmlns/tuner/1';
export const MARK_KEY = 'virtune';

/** What virtune leaves behind in a domain: which profile, in which version, when, and by which transaction. */
export interface Mark {
  readonly profile: string;
  /** Of the profile's text, so that a later edit of it can be told from drift. */
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
  readonly id: string;
}

/** The element as libvirt's metadata calls take it. Names of profiles are checked, so nothing needs escaping. */
export function markXml({ profile, version, at, id }: Mark): string {
  return `<${MARK_KEY}:tuned xmlns:${MARK_KEY}='${MARK_NAMESPACE}' profile='${profile}' version='${version}' at='${at}' id='${id}'/>`;
}

export function readMark(domain: Element): Mark | undefined {
  const element = markElement(domain);
  const [profile, version, at, id] = ['profile', 'version', 'at', 'id'].map((name) => attr(element, name));
  if (profile === undefined || version === undefined || at === undefined || id === undefined)
    return undefined;
  return { profile, version, at, id };
}

export function writeMark(domain: Element, { profile, version, at, id }: Mark): void {
  const { ownerDocument: document } = domain;
  if (document === null) return;
  let metadata = child(domain, 'metadata');
  if (metadata === undefined) {
    metadata = document.createElement('metadata');
    // Where libvirt itself puts it: after the names, before the sizes.
    const after = ['description', 'title', 'genid', 'uuid', 'name'].flatMap(
      (name) => child(domain, name) ?? [],
    );
    const next = after[0]?.nextSibling ?? domain.firstChild;
    domain.insertBefore(document.createTextNode('\n  '), next);
    domain.insertBefore(metadata, next);
    metadata.appendChild(document.createTextNode('\n  '));
  }
  const old = markElement(domain);
  const element = document.createElementNS(MARK_NAMESPACE, `${MARK_KEY}:tuned`);
  for (const [name, value] of Object.entries({ profile, version, at, id })) element.setAttribute(name, value);
  if (old !== undefined) metadata.replaceChild(element, old);
  else {
    const last = metadata.lastChild;
    metadata.insertBefore(document.createTextNode('\n    '), last);
    metadata.insertBefore(element, last);
  }
}

function markElement(domain: Element): Element | undefined {
  return children(child(domain, 'metadata')).find(
    (element) => element.namespaceURI === MARK_NAMESPACE && element.localName === 'tuned',
  );
}
