import { XMLSerializer } from '@xmldom/xmldom';
import { type Element, parseXml } from '../xml.ts';
import { fittingMetadata, METADATA_MAX_CHARS, type Span, scanDomainXml } from './metadata-spans.ts';

const NAMESPACE = 'https://virtune.dev/xmlns/kept/1';

/** Texts replaced by placeholders in a document, by placeholder. */
const kept = new WeakMap<object, ReadonlyMap<string, string>>();

/**
 * Parses domain XML for editing and writing back. Large elements of <metadata> become placeholders in the tree: parsing
 * 4 MB of them takes 12 s and 450 MiB.
 * @param what it is, for the error
 * @throws ModelXmlError when it is not domain XML
 */
export function parseDomainTree(what: string, xml: string): Element {
  if (xml.length <= METADATA_MAX_CHARS) return parseXml(what, xml, 'domain');
  const { metadata } = scanDomainXml(xml);
  const fitting = fittingMetadata(xml, metadata);
  if (fitting.size === metadata.length) return parseXml(what, xml, 'domain');
  let name = 'kept';
  while (xml.includes(`<${name} xmlns="${NAMESPACE}"`)) name += '-';
  const texts = new Map<string, string>();
  let outlined = '';
  let at = 0;
  for (const { start, end } of runsOf(
    metadata.filter((span) => !fitting.has(span)),
    metadata,
  )) {
    const text = xml.slice(start, end);
    // Exactly as the serializer writes it.
    const placeholder = `<${name} xmlns="${NAMESPACE}" n="${texts.size}" chars="${text.length}"/>`;
    texts.set(placeholder, text);
    outlined += xml.slice(at, start) + placeholder;
    at = end;
  }
  const root = parseXml(what, outlined + xml.slice(at), 'domain');
  if (root.ownerDocument !== null) kept.set(root.ownerDocument, texts);
  return root;
}

/** The XML of a tree, with all of its metadata. */
export function domainTreeXml(root: Element): string {
  let xml = outlinedXml(root);
  for (const [placeholder, text] of placeholdersOf(root)) xml = xml.replaceAll(placeholder, () => text);
  return xml;
}

/** The same, but with placeholders left in: for reading or comparing, never for defining a domain. */
export function outlinedXml(root: Element): string {
  return new XMLSerializer().serializeToString(root);
}

const placeholdersOf = ({ ownerDocument }: Element): ReadonlyMap<string, string> =>
  (ownerDocument && kept.get(ownerDocument)) ?? new Map<string, string>();

/** Whether some of its metadata was replaced by placeholders. */
export function isOutlined(root: Element): boolean {
  return placeholdersOf(root).size > 0;
}

/** Merges adjacent large elements: a million small elements become one placeholder. */
function runsOf(large: readonly Span[], all: readonly Span[]): Span[] {
  const isLarge = new Set(large);
  const runs: { start: number; end: number }[] = [];
  let isOpen = false;
  for (const span of all) {
    const last = runs.at(-1);
    if (!isLarge.has(span)) isOpen = false;
    else if (isOpen && last !== undefined) last.end = span.end;
    else {
      runs.push({ ...span });
      isOpen = true;
    }
  }
  return runs;
}
