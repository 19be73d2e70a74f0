import { int, optional, string, struct } from './codec.ts';
import { domain, network } from './types.ts';

/** The payload of a reply whose status is ERROR (`remote_error` in remote_protocol.x). */
export const remoteErrorPayload = struct({
  code: int,
  domain: int,
  message: optional(string),
  level: int,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: int,
  int2: int,
  net: optional(network),
});
