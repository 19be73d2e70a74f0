import { children, type Element } from '../../model/xml.ts';
import { shapeOf } from './shape.ts';
import type { Shape } from './shape-words.ts';

const ELEMENT = 1;
const TEXT = 3;
const CDATA = 4;

/** The domain in libvirt's format: two spaces per level, single quotes, and libvirt's order. */
export function formatDomain(root: Element): string {
  const lines: string[] = [];
  write(lines, root, '', 0);
  return `${lines.join('\n')}\n`;
}

function write(lines: string[], element: Element, parent: string, depth: number): void {
  const name = element.nodeName;
  const shape = shapeOf(parent, name);
  const indent = '  '.repeat(depth);
  const attributes = attributesOf(element, shape);
  const inner = name === 'metadata' && parent === 'domain' ? [] : childrenOf(element, shape);
  if (name === 'metadata' && parent === 'domain') return writeMetadata(lines, element, indent);
  if (inner.length === 0) {
    const text = children(element).length > 0 ? '' : (element.textContent ?? '');
    if (text.trim() !== '') lines.push(`${indent}<${name}${attributes}>${escapeXml(text)}</${name}>`);
    // libvirt prints this after the last limit of a NIC was removed.
    else if (name === 'bandwidth') lines.push(`${indent}<bandwidth>`, `${indent}</bandwidth>`);
    else if (shape?.dropEmpty !== true || attributes !== '') lines.push(`${indent}<${name}${attributes}/>`);
    return;
  }
  const before = lines.length;
  lines.push(`${indent}<${name}${attributes}>`);
  for (const each of inner) write(lines, each, name, depth + 1);
  if (lines.length === before + 1 && shape?.dropEmpty === true && attributes === '') lines.pop();
  else lines.push(`${indent}</${name}>`);
}

/** The attributes that libvirt keeps, in its order. */
function attributesOf(element: Element, shape: Shape | undefined): string {
  const found = new Map([...element.attributes].map(({ name, value }) => [name, value]));
  const listed = Object.keys(shape?.attributes ?? {}).filter((name) => found.has(name));
  const rest = [...found.keys()].filter(
    (name) => !listed.includes(name) && (isKept(shape) || name.startsWith('xmlns')),
  );
  return [...listed, ...rest].map((name) => ` ${name}='${escapeXml(found.get(name) ?? '')}'`).join('');
}

/** The children that libvirt keeps, in its order; elements of other namespaces come last. */
function childrenOf(element: Element, shape: Shape | undefined): Element[] {
  const all = children(element);
  if (shape?.children === undefined) return isKept(shape) ? all : [];
  const rank = new Map(shape.children.map((name, index) => [name, index]));
  return all
    .filter(({ nodeName }) => rank.has(nodeName) || shape.open === true || nodeName.includes(':'))
    .toSorted((a, b) => (rank.get(a.nodeName) ?? Infinity) - (rank.get(b.nodeName) ?? Infinity) || 0);
}

const isKept = (shape: Shape | undefined): boolean => shape === undefined || shape.open === true;

/** Foreign elements are printed by libxml2, which differs: double quotes, and text unchanged. */
function writeMetadata(lines: string[], metadata: Element, indent: string): void {
  const inner = children(metadata);
  if (inner.length === 0) return void lines.push(`${indent}<metadata/>`);
  lines.push(`${indent}<metadata>`);
  for (const each of inner) lines.push(`${indent}  ${foreign(each, `${indent}  `)}`);
  lines.push(`${indent}</metadata>`);
}

/**
 * Formats an element of a foreign namespace; `indent` is null within text, which whitespace would change. `plain`: a
 * namespace printed without its prefix, as domainGetMetadata returns it.
 */
export function foreign(element: Element, indent: string | null, plain?: string): string {
  const inPlain = plain !== undefined && element.namespaceURI === plain;
  const name = inPlain ? (element.localName ?? element.nodeName) : element.nodeName;
  const attributes = [...element.attributes]
    .filter(({ name: key, value }) => !(inPlain && key.startsWith('xmlns') && value === plain))
    .map(({ name: key, value }) => ` ${key}="${escapeText(value).replaceAll('"', '&quot;')}"`)
    .join('');
  const start = `<${name}${attributes}`;
  const nodes = [...element.childNodes].filter(({ nodeType }) => [ELEMENT, TEXT, CDATA].includes(nodeType));
  const mixed = nodes.some(
    ({ nodeType, nodeValue }) => nodeType !== ELEMENT && (nodeValue ?? '').trim() !== '',
  );
  const shown = mixed ? nodes : nodes.filter(({ nodeType }) => nodeType === ELEMENT);
  if (shown.length === 0) return `${start}/>`;
  const deeper = mixed || indent === null ? null : `${indent}  `;
  const inner = shown.map((node) =>
    node.nodeType === ELEMENT ? foreign(node as Element, deeper, plain) : escapeText(node.nodeValue ?? ''),
  );
  const body =
    deeper === null ? inner.join('') : `${inner.map((each) => `\n${deeper}${each}`).join('')}\n${indent}`;
  return `${start}>${body}</${name}>`;
}

/** Escapes text as libxml2 does. */
function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Escapes text and attributes as libvirt does (virBufferEscapeString). */
export function escapeXml(text: string): string {
  return escapeText(text).replaceAll('"', '&quot;').replaceAll("'", '&apos;');
}
