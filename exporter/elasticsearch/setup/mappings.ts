import type { Field } from '../../documents/field.ts';
import type { SearchServer } from '../server.ts';

export interface Mapping {
  readonly dynamic: false;
  readonly date_detection: false;
  readonly properties: Properties;
}

export interface Properties {
  readonly [name: string]: { readonly properties: Properties } | Leaf;
}

interface Leaf {
  readonly type: string;
  readonly ignore_above?: number;
  readonly time_series_dimension?: true;
  readonly time_series_metric?: 'counter' | 'gauge';
}

/** Lucene does not index terms above 32,766 bytes, and rejects the whole document. */
const IGNORE_ABOVE = 1_024;

/**
 * A field that a newer virtune sends before `setup` was run again is stored but not indexed: that loses nothing, while
 * a strict mapping would reject the document.
 */
export function mappingOf(fields: readonly Field[], { kind }: Pick<SearchServer, 'kind'>): Mapping {
  const root: MutableProperties = {};
  for (const field of fields) {
    const path = field.name.split('.');
    const name = path.pop() as string;
    let at = root;
    for (const part of path) {
      const inner = at[part];
      const object = inner !== undefined && 'properties' in inner ? inner : { properties: {} };
      at[part] = object;
      at = object.properties;
    }
    at[name] = leaf(field, kind);
  }
  return { dynamic: false, date_detection: false, properties: root };
}

type MutableProperties = { [name: string]: { properties: MutableProperties } | Leaf };

function leaf({ type, dimension, metric }: Field, kind: SearchServer['kind']): Leaf {
  const isSeries = kind === 'elasticsearch';
  if (type === 'keyword') {
    // A dimension must always be indexed, so it has no `ignore_above`.
    return isSeries && dimension === true
      ? { type, time_series_dimension: true }
      : { type, ignore_above: IGNORE_ABOVE };
  }
  return isSeries && metric !== undefined ? { type, time_series_metric: metric } : { type };
}

/** Servers allow 20 by default (index.mapping.depth.limit). */
const DEPTH_MAX = 50;

/** Fields by full name, and their types, to compare mappings. */
export function leavesOf(properties: unknown, prefix = '', depth = 0): Map<string, string> {
  const leaves = new Map<string, string>();
  if (typeof properties !== 'object' || properties === null || depth > DEPTH_MAX) return leaves;
  for (const [name, value] of Object.entries(properties as Record<string, unknown>)) {
    const { type, properties: inner } = (value ?? {}) as { type?: unknown; properties?: unknown };
    if (inner !== undefined)
      for (const [below, of] of leavesOf(inner, `${prefix}${name}.`, depth + 1)) leaves.set(below, of);
    else leaves.set(`${prefix}${name}`, typeof type === 'string' ? type : '');
  }
  return leaves;
}

/** Full names of the fields from which a time series stream derives ids. */
export function dimensionsOf(properties: Properties, prefix = ''): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const whole = `${prefix}${name}`;
    if (!('type' in field)) return dimensionsOf(field.properties, `${whole}.`);
    return field.time_series_dimension === true ? [whole] : [];
  });
}
