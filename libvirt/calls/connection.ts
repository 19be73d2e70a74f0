import {
  array,
  bool,
  int,
  nothing,
  optional,
  string,
  struct,
  uhyper,
  uint,
  wideBytes,
} from '../wire/codec.ts';
import { domain, pool } from '../wire/types.ts';
import type { CallDeclaration } from './call.ts';

const saslData = wideBytes(65_536);
/** `nil` distinguishes "no data" from "empty data", as SASL mechanisms do. */
const saslReply = struct({ complete: bool, nil: bool, data: saslData });

export const connectionCalls = {
  connectOpen: { proc: 1, args: struct({ name: optional(string), flags: uint }), ret: nothing },
  connectClose: { proc: 2, args: nothing, ret: nothing },
  connectSupportsFeature: { proc: 60, args: struct({ feature: int }), ret: struct({ supported: bool }) },
  authList: { proc: 66, args: nothing, ret: struct({ types: array(int, 20) }) },
  authSaslInit: { proc: 67, args: nothing, ret: struct({ mechanisms: string }) },
  authSaslStart: { proc: 68, args: struct({ mechanism: string, nil: bool, data: saslData }), ret: saslReply },
  authSaslStep: { proc: 69, args: struct({ nil: bool, data: saslData }), ret: saslReply },
  authPolkit: { proc: 70, args: nothing, ret: struct({ complete: bool }) },
  connectGetType: { proc: 3, args: nothing, ret: struct({ type: string }) },
  connectGetVersion: { proc: 4, args: nothing, ret: struct({ version: uhyper }) },
  connectGetLibVersion: { proc: 157, args: nothing, ret: struct({ version: uhyper }) },
  connectGetHostname: { proc: 59, args: nothing, ret: struct({ hostname: string }) },
  connectGetUri: { proc: 110, args: nothing, ret: struct({ uri: string }) },
  connectIsSecure: { proc: 149, args: nothing, ret: struct({ secure: bool }) },
  connectRegisterCloseCallback: { proc: 360, args: nothing, ret: nothing },
  connectUnregisterCloseCallback: { proc: 361, args: nothing, ret: nothing },
  connectDomainEventCallbackRegisterAny: {
    proc: 316,
    args: struct({ eventId: int, domain: optional(domain) }),
    ret: struct({ callbackId: int }),
  },
  connectDomainEventCallbackDeregisterAny: { proc: 317, args: struct({ callbackId: int }), ret: nothing },
  connectStoragePoolEventRegisterAny: {
    proc: 368,
    args: struct({ eventId: int, pool: optional(pool) }),
    ret: struct({ callbackId: int }),
  },
  connectStoragePoolEventDeregisterAny: { proc: 369, args: struct({ callbackId: int }), ret: nothing },
} as const satisfies Record<string, CallDeclaration>;
