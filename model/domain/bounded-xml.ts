import { ModelXmlError } from '../xml.ts';

/** Of all that is in <metadata>. OpenStack and oVirt write about 2 Ki. */
const METADATA_MAX_CHARS = 32_768;
/** Of the rest; a VM with 200 disks has 0.2 Mi. */
const XML_MAX_CHARS = 1_048_576;
/** Opening and closing tags of the rest: these are what the time and the memory of parsing go into. */
const TAGS_MAX = 16_384;

export interface BoundedXml {
  readonly xml: string;
  /** <metadata> was too large, and elements of it are left out. */
  readonly isMetadataCut: boolean;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Domain XML that is parsed in tens of ms at most. libvirt takes up to 4 MiB, and anybody who may define a VM can put that
 * into <metadata>. Elements of it that do not fit, one for each program that writes there, are left out; small ones stay.
 * @param what it is, for the error
 * @throws ModelXmlError when the rest is too large as well
 */
export function boundedXml(what: string, xml: string): BoundedXml {
  if (xml.length <= METADATA_MAX_CHARS) return { xml, isMetadataCut: false };
  const { tags, metadata } = scan(xml);
  const kept: string[] = [];
  let room = METADATA_MAX_CHARS;
  for (const { start, end } of metadata) {
    if (end - start > room) continue;
    room -= end - start;
    kept.push(xml.slice(start, end));
  }
  const [first, last] = [metadata[0], metadata.at(-1)];
  const isMetadataCut = kept.length < metadata.length;
  const bounded =
    isMetadataCut && first !== undefined && last !== undefined
      ? `${xml.slice(0, first.start)}${kept.join('')}${xml.slice(last.end)}`
      : xml;
  const metadataChars = METADATA_MAX_CHARS - room;
  if (bounded.length - metadataChars > XML_MAX_CHARS || tags > TAGS_MAX) {
    throw new ModelXmlError(
      `${what} has ${xml.length} characters and, without its metadata, ${tags} tags; more than ${XML_MAX_CHARS} or ${TAGS_MAX} are not parsed`,
    );
  }
  return { xml: bounded, isMetadataCut };
}

/** One pass without a tree: where the elements within /domain/metadata are, and how many tags are elsewhere. */
function scan(xml: string): { tags: number; metadata: readonly Span[] } {
  const metadata: Span[] = [];
  let tags = 0;
  let depth = 0;
  let isInMetadata = false;
  let childStart = 0;
  for (let at = xml.indexOf('<'); at >= 0; at = xml.indexOf('<', at)) {
    const end = tagEnd(xml, at);
    const next = xml[at + 1];
    if (!isInMetadata) tags++;
    if (next === '/') {
      depth--;
      if (depth === 1) isInMetadata = false;
      if (depth === 2 && isInMetadata) metadata.push({ start: childStart, end });
    } else if (next !== '!' && next !== '?') {
      const isEmpty = xml[end - 2] === '/';
      if (depth === 2 && isInMetadata) {
        childStart = at;
        if (isEmpty) metadata.push({ start: at, end });
      }
      if (depth === 1 && !isEmpty) isInMetadata = /^metadata[\s>]/.test(xml.slice(at + 1, at + 10));
      if (!isEmpty) depth++;
    }
    at = end;
  }
  return { tags, metadata };
}

/** The place after a tag, comment, CDATA section or processing instruction. */
function tagEnd(xml: string, start: number): number {
  for (const [opening, closing] of SECTIONS) {
    if (xml.startsWith(opening, start)) return after(xml, closing, start + opening.length);
  }
  for (let at = start + 1; at < xml.length; at++) {
    const char = xml[at];
    if (char === '>') return at + 1;
    if (char === '"' || char === "'") at = after(xml, char, at + 1) - 1;
  }
  return xml.length;
}

const SECTIONS = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
] as const;

function after(xml: string, closing: string, from: number): number {
  const at = xml.indexOf(closing, from);
  return at < 0 ? xml.length : at + closing.length;
}
