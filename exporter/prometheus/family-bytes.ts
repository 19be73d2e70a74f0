import { type Format, familyHead } from './text.ts';

export interface Described {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/**
 * Encoded once, since they are the same in each scrape. Weakly keyed by metric, so that metrics created for one scrape
 * are not retained.
 */
const names = new WeakMap<Described, Buffer>();
const heads: Readonly<Record<Format, WeakMap<Described, Buffer>>> = {
  text: new WeakMap(),
  openMetrics: new WeakMap(),
};

/** The name of a metric. */
export function nameBytes(metric: Described): Buffer {
  let bytes = names.get(metric);
  if (bytes === undefined) {
    bytes = Buffer.from(metric.name);
    names.set(metric, bytes);
  }
  return bytes;
}

/** HELP and TYPE of a metric. */
export function headBytes(metric: Described, format: Format): Buffer {
  let bytes = heads[format].get(metric);
  if (bytes === undefined) {
    bytes = Buffer.from(familyHead(format, metric));
    heads[format].set(metric, bytes);
  }
  return bytes;
}
