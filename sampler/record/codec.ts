import { CpuSet } from '../../model/cpu-set.ts';

/** JSON encoding of samples: maps, CPU sets and errors have special forms. */

/** Objects that stay the same over many samples are written once and referenced by number from then on. */
export interface Definitions {
  /** The number of this object; a new one when it was not known. */
  number(value: object): { readonly id: number; readonly isNew: boolean };
}

const SHARED_KEYS = new Set(['facts', 'topology']);

/** `define` is called for each new shared object, before the value that references it is complete. */
export function encode(
  value: unknown,
  definitions: Definitions,
  define: (id: number, json: unknown) => void,
): unknown {
  if (typeof value === 'bigint') return { $big: value.toString() };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $number: String(value) };
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map) {
    return { $map: [...value].map(([key, each]) => [key, encode(each, definitions, define)]) };
  }
  if (value instanceof CpuSet) return { $cpus: value.toString() };
  if (value instanceof Error) return { $error: errorFields(value) };
  if (Array.isArray(value)) return value.map((each) => encode(each, definitions, define));
  const json: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(value)) {
    if (each === undefined || typeof each === 'function') continue;
    if (SHARED_KEYS.has(key) && typeof each === 'object' && each !== null) {
      const { id, isNew } = definitions.number(each);
      if (isNew) define(id, encode(each, definitions, define));
      json[key] = { $ref: id };
    } else json[key] = encode(each, definitions, define);
  }
  return json;
}

function errorFields(error: Error): Record<string, unknown> {
  const { code, libvirtCode } = error as { code?: unknown; libvirtCode?: unknown };
  return { name: error.name, message: error.message, code, libvirtCode };
}

/** `find` returns what was defined under a number. */
export function decode(json: unknown, find: (id: number) => unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((each) => decode(each, find));
  const object = json as Readonly<Record<string, unknown>>;
  if (typeof object['$ref'] === 'number') return find(object['$ref']);
  if (Array.isArray(object['$map'])) {
    return new Map(
      object['$map'].flatMap((pair: unknown) =>
        Array.isArray(pair) ? [[pair[0], decode(pair[1], find)] as const] : [],
      ),
    );
  }
  if (typeof object['$cpus'] === 'string') return CpuSet.parse(object['$cpus']);
  if (typeof object['$big'] === 'string') return BigInt(object['$big']);
  if (typeof object['$number'] === 'string') return Number(object['$number']);
  if (typeof object['$error'] === 'object')
    return errorOf(object['$error'] as Readonly<Record<string, unknown>>);
  const value: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(object)) value[key] = decode(each, find);
  return value;
}

function errorOf(fields: Readonly<Record<string, unknown>>): Error {
  const { name, message, code, libvirtCode } = fields;
  return Object.assign(new Error(String(message)), {
    name: String(name),
    ...(code !== undefined && { code }),
    ...(libvirtCode !== undefined && { libvirtCode }),
  });
}
