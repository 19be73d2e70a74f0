/** libvirt's `virTypedParameterType`; the discriminant on the wire (remote_protocol.x, `remote_typed_param_value`). */
export const ParamType = {
  int: 1,
  uint: 2,
  llong: 3,
  ullong: 4,
  double: 5,
  boolean: 6,
  string: 7,
} as const;
export type ParamType = (typeof ParamType)[keyof typeof ParamType];

/**
 * One named value. 64-bit integers are exact: a `number` where it fits in 53 bits, else a `bigint`
 * (a VM with 128 busy vCPUs passes 2^53 ns of CPU time within a day).
 */
export interface TypedParam {
  readonly field: string;
  readonly type: ParamType;
  readonly value: number | bigint | boolean | string;
}
