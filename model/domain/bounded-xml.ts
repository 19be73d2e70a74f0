import { ModelXmlError } from '../xml.ts';
import { fittingMetadata, METADATA_MAX_CHARS, scanDomainXml } from './metadata-spans.ts';

/** Limit without metadata; a VM with 200 disks has 0.2 Mi. */
const XML_MAX_CHARS = 1_048_576;
/** Opening and closing tags outside of metadata: they dominate the time and memory of parsing. */
const TAGS_MAX = 16_384;

export interface BoundedXml {
  readonly xml: string;
  /** <metadata> was too large, and some of its elements were dropped. */
  readonly isMetadataCut: boolean;
}

/**
 * Reduces domain XML so that it parses in tens of ms at most. libvirt accepts up to 4 MiB, and any user who may define
 * a VM can put that into <metadata>. Elements there (one per program that writes metadata) that do not fit are dropped;
 * small ones stay.
 * @param what it is, for the error
 * @throws ModelXmlError when the rest is too large as well
 */
export function boundedXml(what: string, xml: string): BoundedXml {
  if (xml.length <= METADATA_MAX_CHARS) return { xml, isMetadataCut: false };
  const { tags, metadata } = scanDomainXml(xml);
  const fitting = fittingMetadata(xml, metadata);
  const kept = metadata.filter((span) => fitting.has(span)).map(({ start, end }) => xml.slice(start, end));
  const keptText = kept.join('');
  const [first, last] = [metadata[0], metadata.at(-1)];
  const isMetadataCut = kept.length < metadata.length;
  const bounded =
    isMetadataCut && first !== undefined && last !== undefined
      ? `${xml.slice(0, first.start)}${keptText}${xml.slice(last.end)}`
      : xml;
  if (bounded.length - keptText.length > XML_MAX_CHARS || tags > TAGS_MAX) {
    throw new ModelXmlError(
      `${what} has ${xml.length} characters and, without its metadata, ${tags} tags; more than ${XML_MAX_CHARS} or ${TAGS_MAX} are not parsed`,
    );
  }
  return { xml: bounded, isMetadataCut };
}
