import type { Format } from '../prometheus/text.ts';

/** A media range or content coding in a header. */
interface Named {
  /** 0: not acceptable. */
  readonly quality: number;
  /** Position in the header. */
  readonly place: number;
}

/**
 * `a;q=0.5, b`, by name (RFC 9110, section 12.5). If a name occurs several times, with parameters, the best quality
 * counts.
 */
function namedIn(header: string | undefined): ReadonlyMap<string, Named> {
  const named = new Map<string, Named>();
  for (const [place, part] of (header ?? '').split(',').entries()) {
    const [name = '', ...params] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const q = params.find((param) => param.startsWith('q='))?.slice(2);
    const quality = q === undefined ? 1 : Number(q);
    const found = { quality: Number.isFinite(quality) ? quality : 0, place };
    if (name !== '' && found.quality > (named.get(name)?.quality ?? Number.NEGATIVE_INFINITY))
      named.set(name, found);
  }
  return named;
}

/**
 * The first of `names` that the header has: pass the most specific first, since a wildcard covers only what is not
 * named.
 */
function mostSpecific(named: ReadonlyMap<string, Named>, ...names: readonly string[]): Named {
  for (const name of names) {
    const found = named.get(name);
    if (found !== undefined) return found;
  }
  return NOT_NAMED;
}

const NOT_NAMED: Named = { quality: 0, place: Number.POSITIVE_INFINITY };

const OPEN_METRICS = 'application/openmetrics-text';

/**
 * OpenMetrics for clients that name it and prefer it to plain text, by position if the quality is equal, and for those
 * that refuse plain text; plain text for all others, including browsers.
 */
export function chooseFormat(accept: string | undefined): Format {
  const named = namedIn(accept);
  const openMetrics = mostSpecific(named, OPEN_METRICS, 'application/*', '*/*');
  const text = mostSpecific(named, 'text/plain', 'text/*', '*/*');
  if (openMetrics.quality <= 0) return 'text';
  if (text.quality <= 0) return 'openMetrics';
  const isFirst = openMetrics.quality === text.quality && openMetrics.place < text.place;
  return named.has(OPEN_METRICS) && (openMetrics.quality > text.quality || isFirst) ? 'openMetrics' : 'text';
}

/** `x-gzip` is an old alias of `gzip` (RFC 9110, section 8.4.1.3). */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return mostSpecific(namedIn(acceptEncoding), 'gzip', 'x-gzip', '*').quality > 0;
}
