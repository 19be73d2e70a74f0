import type { Format } from '../prometheus/text.ts';

interface Choice {
  readonly type: string;
  readonly quality: number;
}

/** `a;q=0.5, b` as choices, best first; what is written first wins among equals (RFC 9110, section 12.5). */
function choices(header: string | undefined): Choice[] {
  return (header ?? '')
    .split(',')
    .map((part) => {
      const [type = '', ...params] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const q = params.find((param) => param.startsWith('q='))?.slice(2);
      const quality = q === undefined ? 1 : Number(q);
      return { type, quality: Number.isFinite(quality) ? quality : 0 };
    })
    .filter(({ type }) => type !== '')
    .sort((a, b) => b.quality - a.quality);
}

/** OpenMetrics for who asks for it before plain text; plain text for everyone else, a browser too. */
export function chooseFormat(accept: string | undefined): Format {
  for (const { type, quality } of choices(accept)) {
    if (quality <= 0) continue;
    if (type === 'application/openmetrics-text') return 'openMetrics';
    if (type === 'text/plain' || type === 'text/*' || type === '*/*') return 'text';
  }
  return 'text';
}

export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  return choices(acceptEncoding).some(
    ({ type, quality }) => (type === 'gzip' || type === '*') && quality > 0,
  );
}
