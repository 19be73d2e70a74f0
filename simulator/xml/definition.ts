import { attr, child, type Element, ModelXmlError, parseXml, text } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { complete, type DefineOptions } from './defaults.ts';
import { formatDomain } from './format.ts';
import { checkRules } from './rules.ts';
import { checkShape } from './schema.ts';

/**
 * A client's XML as libvirt stores it. XML printed by libvirt comes out byte for byte the same.
 * @throws CallFailure with libvirt's number, for whatever libvirt rejects.
 */
export function normalise(xml: string, options: DefineOptions): Element {
  const root = parsed(xml);
  checkShape(root, options);
  checkRules(root, options.release);
  complete(root, options);
  // Parsed again, so that the returned tree contains nothing that formatting drops.
  return parsed(formatDomain(root));
}

/** @throws CallFailure 35 for malformed XML, 27 for another document. */
function parsed(xml: string): Element {
  try {
    return parseXml('(domain_definition)', xml, 'domain');
  } catch (error) {
    if (!(error instanceof ModelXmlError)) throw error;
    if (error.cause !== undefined) throw new CallFailure(35, error.message, 20);
    throw new CallFailure(27, `XML error: expecting root element of 'domain': ${error.message}`, 5);
  }
}

export function identityOf(domain: Element): { readonly name: string; readonly uuid: string } {
  return {
    name: text(child(domain, 'name')) ?? '',
    uuid: (text(child(domain, 'uuid')) ?? '').toLowerCase(),
  };
}

/** Removes what only clients that may read secrets see. */
export function withoutSecrets(xml: string): string {
  if (!/ passw(or)?d/.test(xml)) return xml;
  const root = parsed(xml);
  for (const graphics of [...root.getElementsByTagName('graphics')]) {
    if (attr(graphics, 'passwd') === undefined) continue;
    for (const name of ['passwd', 'passwdValidTo', 'connected']) graphics.removeAttribute(name);
  }
  return formatDomain(root);
}
