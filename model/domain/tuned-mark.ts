import { attr, child, children, type Element } from '../xml.ts';

/** Whose metadata it is, in each domain that was tuned. */
export const MARK_NAMESPACE = 'https://virtune.dev/xmlns/tuner/1';

/** What the tuner leaves behind in a domain: which profile, in which version, when, and by which transaction. */
export interface TunedMark {
  readonly profile: string;
  /** Of all that the profile says, so that a later edit of it can be told from drift. */
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
  readonly id: string;
}

/** A mark that lacks something is none: metadata is anybody's to write. */
export function readMark(domain: Element): TunedMark | undefined {
  const element = markElement(domain);
  const [profile, version, at, id] = ['profile', 'version', 'at', 'id'].map((name) => attr(element, name));
  if (profile === undefined || version === undefined || at === undefined || id === undefined)
    return undefined;
  return { profile, version, at, id };
}

export function markElement(domain: Element): Element | undefined {
  return children(child(domain, 'metadata')).find(
    (element) => element.namespaceURI === MARK_NAMESPACE && element.localName === 'tuned',
  );
}
