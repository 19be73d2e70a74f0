import { int, nothing, string, struct, uint } from '../wire/codec.ts';
import { secret, uuid } from '../wire/types.ts';
import type { CallDeclaration } from './call.ts';

/** Definitions of secrets, without their values (remote_protocol.x, 141 to 147). */
export const secretCalls = {
  secretLookupByUuid: { proc: 141, args: struct({ uuid }), ret: struct({ secret }), priority: 'high' },
  secretDefineXml: {
    proc: 142,
    args: struct({ xml: string, flags: uint }),
    ret: struct({ secret }),
    priority: 'high',
  },
  secretGetXmlDesc: {
    proc: 143,
    args: struct({ secret, flags: uint }),
    ret: struct({ xml: string }),
    priority: 'high',
  },
  secretUndefine: { proc: 146, args: struct({ secret }), ret: nothing, priority: 'high' },
  secretLookupByUsage: {
    proc: 147,
    args: struct({ usageType: int, usageId: string }),
    ret: struct({ secret }),
    priority: 'high',
  },
} as const satisfies Record<string, CallDeclaration>;
