import { DOMParser, type Element, onErrorStopParsing } from '@xmldom/xmldom';
import { VirtuneError } from './virtune-error.ts';

/** libvirt's own limit for an XML string over RPC is 4 MiB (REMOTE_STRING_MAX). */
const XML_MAX_CHARS = 4_194_304;
/** Capabilities of a host with 1,024 CPUs in 64 cells have some 20,000. */
const XML_MAX_TAGS = 131_072;
const ELEMENT_NODE = 1;

export type { Element };

export class ModelXmlError extends VirtuneError {
  override readonly name = 'ModelXmlError';
  constructor(message: string, options?: ErrorOptions) {
    super('MODEL_XML', message, options);
  }
}

/**
 * The root element. A document type is refused: libvirt never sends one, and entities are how XML reads files and
 * exhausts memory.
 * @throws ModelXmlError saying which document is wrong, and where.
 */
export function parseXml(what: string, xml: string, rootName: string): Element {
  if (xml.length > XML_MAX_CHARS) throw new ModelXmlError(`${what}: ${xml.length} characters is too long`);
  if (/<!DOCTYPE/i.test(xml)) throw new ModelXmlError(`${what}: a document type is not allowed`);
  if (countOf('<', xml) > XML_MAX_TAGS)
    throw new ModelXmlError(`${what} has more than ${XML_MAX_TAGS} tags: it is not parsed`);
  let root: Element | null;
  try {
    root = new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, 'text/xml').documentElement;
  } catch (error) {
    // The parser's message may list every tag.
    const message = (error as Error).message.slice(0, 500);
    throw new ModelXmlError(`${what} is not well-formed XML: ${message}`, { cause: error });
  }
  if (root?.nodeName !== rootName) {
    throw new ModelXmlError(`${what}: expected <${rootName}>, got <${root?.nodeName ?? 'nothing'}>`);
  }
  return root;
}

function countOf(mark: string, text: string): number {
  let count = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) count++;
  return count;
}

/** The child elements, optionally only those with this name. */
export function children(parent: Element | undefined, name?: string): Element[] {
  const found: Element[] = [];
  for (let node = parent?.firstChild ?? null; node !== null; node = node.nextSibling) {
    if (node.nodeType === ELEMENT_NODE && (name === undefined || node.nodeName === name))
      found.push(node as Element);
  }
  return found;
}

/** The first element along this path of names. */
export function child(parent: Element | undefined, ...path: readonly string[]): Element | undefined {
  let at = parent;
  for (const name of path) at = children(at, name)[0];
  return at;
}

export function attr(element: Element | undefined, name: string): string | undefined {
  return element?.getAttribute(name) ?? undefined;
}

export function text(element: Element | undefined): string | undefined {
  return element?.textContent?.trim() ?? undefined;
}

/** A non-negative integer that is exactly representable; anything else counts as absent. */
export function wholeNumber(value: string | undefined): number | undefined {
  if (value === undefined || !/^\s*\d+\s*$/.test(value)) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
  PB: 1e15,
  P: 1024 ** 5,
  PiB: 1024 ** 5,
};

/** A size in KiB, by libvirt's units (formatdomain, "Memory Allocation"); KiB where none is given. */
export function sizeKiB(value: string | undefined, unit = 'KiB'): number | undefined {
  const count = wholeNumber(value);
  const bytes = Object.hasOwn(UNIT_BYTES, unit) ? UNIT_BYTES[unit] : undefined;
  return count === undefined || bytes === undefined ? undefined : (count * bytes) / 1024;
}

/** A memory element: its text, in the unit that it declares. */
export function elementKiB(element: Element | undefined): number | undefined {
  return sizeKiB(text(element), attr(element, 'unit'));
}
