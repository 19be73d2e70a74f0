import { EncodeError, ProtocolError } from '../errors.ts';
import { ParamType, type TypedParam } from '../typed-params.ts';
import { array, type Codec, int, STRING_MAX_BYTES, string, struct } from './codec.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

/** A domain as the protocol names it: `id` is -1 while it is not running. */
export interface Domain {
  readonly name: string;
  /** 36 characters, lower case, with dashes. */
  readonly uuid: string;
  readonly id: number;
}

const UUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

export const uuid: Codec<string> = {
  minBytes: 16,
  read(r) {
    const hex = r.fixedHex(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
  write(w, value) {
    if (!UUID.test(value)) throw new EncodeError(`"${value}" is not a UUID`);
    w.fixedOpaque(uuidBytes(value));
  },
};

/** Overwritten by the next UUID; callers copy it at once. */
const scratch = new Uint8Array(16);

/** Parses a UUID that has been validated. */
function uuidBytes(text: string): Uint8Array {
  let nibbles = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DASH) continue;
    const nibble = code <= NINE ? code - ZERO : (code & 0x1f) + 9;
    const at = nibbles >> 1;
    scratch[at] = (nibbles & 1) === 0 ? nibble << 4 : (scratch[at] as number) | nibble;
    nibbles++;
  }
  return scratch;
}

const DASH = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

// Hand-written instead of struct(): this and typedParam are read a hundred times for each VM and tick.
export const domain: Codec<Domain> = {
  minBytes: 24,
  read: (r) => ({ name: r.string(STRING_MAX_BYTES), uuid: uuid.read(r), id: r.int() }),
  write(w, value) {
    w.string(value.name, STRING_MAX_BYTES);
    uuid.write(w, value.uuid);
    w.int(value.id);
  },
};

export const network = struct({ name: string, uuid });
export const pool = struct({ name: string, uuid });
export const volume = struct({ pool: string, name: string, key: string });
export const snapshot = struct({ name: string, domain });
/** `usageType`: see SecretUsage. */
export const secret = struct({ uuid, usageType: int, usageId: string });

export const typedParam: Codec<TypedParam> = {
  minBytes: 12,
  read(r) {
    const field = r.name(STRING_MAX_BYTES);
    const type = r.int() as ParamType;
    return { field, type, value: readValue(r, type, field) };
  },
  write(w, { field, type, value }) {
    w.string(field, STRING_MAX_BYTES);
    w.int(type);
    writeValue(w, type, value, field);
  },
};

export const typedParams = (max: number): Codec<readonly TypedParam[]> => array(typedParam, max);

function readValue(r: XdrReader, type: ParamType, field: string): TypedParam['value'] {
  switch (type) {
    case ParamType.ullong:
      return r.unsignedHyper();
    case ParamType.int:
      return r.int();
    case ParamType.uint:
      return r.uint();
    case ParamType.string:
      return r.string(STRING_MAX_BYTES);
    case ParamType.llong:
      return r.hyper();
    case ParamType.boolean:
      return r.int() !== 0;
    case ParamType.double:
      return r.double();
    default:
      throw new ProtocolError(`typed parameter "${field.slice(0, 80)}" has the unknown type ${type}`);
  }
}

function writeValue(w: XdrWriter, type: ParamType, value: TypedParam['value'], field: string): void {
  if (typeof value === 'string' && type === ParamType.string) w.string(value, STRING_MAX_BYTES);
  else if (typeof value === 'boolean' && type === ParamType.boolean) w.int(value ? 1 : 0);
  else if (isNumeric(value) && type === ParamType.llong) w.hyper(value);
  else if (isNumeric(value) && type === ParamType.ullong) w.unsignedHyper(value);
  else if (typeof value === 'number' && type === ParamType.int) w.int(value);
  else if (typeof value === 'number' && type === ParamType.uint) w.uint(value);
  else if (typeof value === 'number' && type === ParamType.double) w.double(value);
  else throw new EncodeError(`typed parameter "${field}": ${typeof value} is not a value of type ${type}`);
}

function isNumeric(value: TypedParam['value']): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
