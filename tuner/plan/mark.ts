import {
  MARK_NAMESPACE,
  markAttributes,
  markElement,
  type TunedMark,
} from '../../model/domain/tuned-mark.ts';
import { child, type Element } from '../../model/xml.ts';

/** The key of virtune's part of a domain's metadata, and its prefix there. */
export const MARK_KEY = 'virtune';

/** The element in the form that libvirt's metadata calls take. */
export function markXml(mark: TunedMark): string {
  const said = Object.entries(markAttributes(mark)).map(([name, value]) => ` ${name}='${escaped(value)}'`);
  return `<${MARK_KEY}:tuned xmlns:${MARK_KEY}='${MARK_NAMESPACE}'${said.join('')}/>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&apos;' };

const escaped = (text: string): string => text.replaceAll(/[&<>']/g, (char) => ENTITIES[char] ?? char);

export function writeMark(domain: Element, mark: TunedMark): void {
  const { ownerDocument: document } = domain;
  if (document === null) return;
  let metadata = child(domain, 'metadata');
  if (metadata === undefined) {
    metadata = document.createElement('metadata');
    // In libvirt's own position: after the names, before the sizes.
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
  for (const [name, value] of Object.entries(markAttributes(mark))) element.setAttribute(name, value);
  if (old !== undefined) metadata.replaceChild(element, old);
  else {
    const last = metadata.lastChild;
    metadata.insertBefore(document.createTextNode('\n    '), last);
    metadata.insertBefore(element, last);
  }
}
