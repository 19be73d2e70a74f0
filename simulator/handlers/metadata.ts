import { ErrorCode } from '../../libvirt/constants.ts';
import { child, children, type Element, ModelXmlError, parseXml } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { knows } from '../release.ts';
import { add, ensure, remove, setText } from '../xml/edit.ts';
import { foreign } from '../xml/format.ts';
import { find, type Handlers } from './context.ts';
import { affected, editEach, looked } from './impact.ts';

/** virDomainMetadataType */
const KINDS = ['description', 'title', 'element'] as const;

const must = (what: string): CallFailure =>
  new CallFailure(ErrorCode.invalidArg, `${what} in virDomainSetMetadata must not be NULL`, 20);

function entry(domain: Element, uri: string): Element | undefined {
  return children(child(domain, 'metadata')).find((element) => element.namespaceURI === uri);
}

/** Parses the client's element; its names get the requested prefix, and its namespace is declared once. */
function parseEntry(xml: string, key: string): Element {
  const [, root = ''] = /^\s*<([^\s/>]+)/.exec(xml) ?? [];
  try {
    const element = parseXml('(metadata_xml)', xml, root);
    // libvirt declares the prefix itself, and libxml2 rejects a second declaration.
    if (!element.hasAttribute(`xmlns:${key}`)) return element;
  } catch (error) {
    if (!(error instanceof ModelXmlError)) throw error;
    throw new CallFailure(35, error.message, 20);
  }
  throw new CallFailure(ErrorCode.internal, 'internal error: failed to create a new XML namespace', 5);
}

function graft(parent: Element, element: Element, key: string): Element {
  const name = element.nodeName.includes(':') ? element.nodeName : `${key}:${element.nodeName}`;
  const attributes = Object.fromEntries([...element.attributes].map((each) => [each.name, each.value]));
  const inner = children(element);
  const made = add(
    parent,
    name,
    attributes,
    inner.length === 0 ? (element.textContent ?? undefined) : undefined,
  );
  for (const each of inner) graft(made, each, key);
  return made;
}

function setElement(
  domain: Element,
  uri: string,
  wanted: Element | undefined,
  { key, dropsEmpty }: { readonly key: string; readonly dropsEmpty: boolean },
): void {
  remove(entry(domain, uri));
  const metadata = ensure(domain, 'metadata');
  if (wanted === undefined) {
    if (dropsEmpty && children(metadata).length === 0) remove(metadata);
    return;
  }
  const made = graft(metadata, wanted, key);
  // Namespace declarations come first, as libxml2 prints them.
  const attributes = [...made.attributes].map(({ name, value }) => [name, value] as const);
  for (const [name] of attributes) made.removeAttribute(name);
  for (const [name, value] of [[`xmlns:${key}`, uri] as const, ...attributes]) made.setAttribute(name, value);
}

export const metadataHandlers: Handlers = {
  domainSetMetadata(context, { domain, type, metadata, key, uri, flags }) {
    const vm = find(context, domain);
    const kind = KINDS[type];
    if (kind === undefined)
      throw new CallFailure(ErrorCode.invalidArg, 'invalid argument: unknown metadata type');
    if (kind === 'element' && uri === undefined) throw must('uri');
    if (kind === 'element' && metadata !== undefined && key === undefined) throw must('key');
    const wanted = kind === 'element' && metadata !== undefined ? parseEntry(metadata, key ?? '') : undefined;
    const dropsEmpty = knows(context.host.release, 'dropsEmptyMetadata');
    editEach(affected(vm, flags), (root) => {
      if (kind === 'element') setElement(root, uri ?? '', wanted, { key: key ?? '', dropsEmpty });
      else if (metadata === undefined) remove(child(root, kind));
      else setText(ensure(root, kind), metadata);
    });
    context.emit('metadataChange', { domain: vm.domain, type, uri });
    return undefined;
  },
  domainGetMetadata(context, { domain, type, uri, flags }) {
    const root = looked(find(context, domain), flags).description.read();
    const kind = KINDS[type] ?? 'element';
    const element = kind === 'element' ? entry(root, uri ?? '') : child(root, kind);
    if (element === undefined) {
      throw new CallFailure(
        ErrorCode.noDomainMetadata,
        `metadata not found: Requested metadata element is not present`,
        20,
      );
    }
    return {
      metadata: kind === 'element' ? foreign(element, '', uri) : (element.textContent ?? ''),
    };
  },
};
