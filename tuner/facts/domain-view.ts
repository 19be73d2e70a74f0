import { domainFacts } from '../../model/domain/domain.ts';
import { domainTreeXml, parseDomainTree } from '../../model/domain/domain-tree.ts';
import type { Element } from '../../model/xml.ts';
import type { DomainView } from './facts.ts';

/** `what`: names the text in the error for XML that cannot be parsed. */
export function domainView(xml: string, what: string): DomainView {
  const root = parseDomainTree(what, xml);
  return { xml, root, facts: domainFacts(root) };
}

/** The view of an edited tree. */
export function editedView(root: Element): DomainView {
  return { xml: domainTreeXml(root), root, facts: domainFacts(root) };
}
