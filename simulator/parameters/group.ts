import { ErrorCode } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import type { Element } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';

type Value = TypedParam['value'];

/** One typed parameter and its place in a domain's XML. `target` is the disk or NIC it belongs to. */
export interface Field {
  readonly field: string;
  readonly type: ParamType;
  /** Undefined when it is not set in the XML. */
  readonly read: (domain: Element, target: string) => Value | undefined;
  readonly write: (domain: Element, target: string, value: Value) => void;
  /** What a getter returns when it is not set in the XML: for a running domain, and for a definition. */
  readonly unset: { readonly live: Value; readonly config: Value };
}

export interface Group {
  readonly fields: readonly Field[];
  /**
   * Checks the whole call before anything is set; `live`: against the running domain.
   * @throws CallFailure
   */
  readonly check?: (domain: Element, target: string, params: readonly TypedParam[], live: boolean) => void;
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [ParamType.int]: 'int',
  [ParamType.uint]: 'uint',
  [ParamType.llong]: 'llong',
  [ParamType.ullong]: 'ullong',
  [ParamType.double]: 'double',
  [ParamType.boolean]: 'boolean',
  [ParamType.string]: 'string',
};

/** A parameter that a call accepts; `wider`: an additional accepted type. */
export interface Known {
  readonly field: string;
  readonly type: ParamType;
  readonly wider?: ParamType;
}

/** libvirt's virTypedParamsValidate: checks names and types. @throws CallFailure 74 or 8. */
export function checkParams(params: readonly TypedParam[], known: readonly Known[]): void {
  for (const { field, type } of params) {
    const found = known.find((each) => each.field === field);
    if (found === undefined) {
      throw new CallFailure(
        ErrorCode.argumentUnsupported,
        `argument unsupported: parameter '${field}' not supported`,
        0,
      );
    }
    if (found.type !== type && found.wider !== type) {
      throw new CallFailure(
        ErrorCode.invalidArg,
        `invalid argument: invalid type '${TYPE_NAMES[type]}' for parameter '${field}', expected '${TYPE_NAMES[found.type]}'`,
        0,
      );
    }
  }
}

export function invalidArgument(message: string, from = 10): CallFailure {
  return new CallFailure(ErrorCode.invalidArg, `invalid argument: ${message}`, from);
}

export function notValid(message: string, from = 10): CallFailure {
  return new CallFailure(ErrorCode.operationInvalid, `Requested operation is not valid: ${message}`, from);
}
