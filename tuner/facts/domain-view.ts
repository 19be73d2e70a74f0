import { XMLSerializer } from '@xmldom/xmldom';
import { parseDomain } from '../../model/domain/domain.ts';
import { type Element, parseXml } from '../../model/xml.ts';
import type { DomainView } from './facts.ts';

/** `what`: names the text in the error for XML that cannot be parsed. */
export function domainView(xml: string, what: string): DomainView {
  return { xml, root: parseXml(what, xml, 'domain'), facts: parseDomain(xml, what) };
}

/** Of XML that was edited. */
export function editedView(root: Element): DomainView {
  const xml = new XMLSerializer().serializeToString(root);
  return { xml, root, facts: parseDomain(xml) };
}
