import { array, bool, int, nothing, string, struct, uhyper, uint } from '../wire/codec.ts';
import { domain, pool, snapshot, uuid, volume } from '../wire/types.ts';
import type { CallDeclaration } from './call.ts';

const LIST_MAX = 16_384;
const volumeInfo = struct({ type: int, capacityBytes: uhyper, allocationBytes: uhyper });

/** Storage pools, volumes and snapshots. */
export const storageCalls = {
  connectListAllStoragePools: {
    proc: 281,
    args: struct({ needResults: int, flags: uint }),
    ret: struct({ pools: array(pool, LIST_MAX), count: uint }),
    priority: 'high',
  },
  storagePoolLookupByName: { proc: 84, args: struct({ name: string }), ret: struct({ pool }) },
  storagePoolLookupByUuid: { proc: 85, args: struct({ uuid }), ret: struct({ pool }) },
  storagePoolGetInfo: {
    proc: 87,
    args: struct({ pool }),
    ret: struct({ state: uint, capacityBytes: uhyper, allocationBytes: uhyper, availableBytes: uhyper }),
  },
  storagePoolGetXmlDesc: { proc: 88, args: struct({ pool, flags: uint }), ret: struct({ xml: string }) },
  storagePoolRefresh: { proc: 83, args: struct({ pool, flags: uint }), ret: nothing },
  storagePoolIsActive: { proc: 154, args: struct({ pool }), ret: struct({ active: bool }) },
  storagePoolListAllVolumes: {
    proc: 282,
    args: struct({ pool, needResults: int, flags: uint }),
    ret: struct({ volumes: array(volume, LIST_MAX), count: uint }),
  },
  storageVolGetInfo: { proc: 98, args: struct({ volume }), ret: volumeInfo },
  storageVolGetInfoFlags: { proc: 378, args: struct({ volume, flags: uint }), ret: volumeInfo },
  storageVolGetXmlDesc: { proc: 99, args: struct({ volume, flags: uint }), ret: struct({ xml: string }) },
  storageVolGetPath: { proc: 100, args: struct({ volume }), ret: struct({ path: string }) },
  storageVolLookupByPath: { proc: 97, args: struct({ path: string }), ret: struct({ volume }) },
  domainListAllSnapshots: {
    proc: 274,
    args: struct({ domain, needResults: int, flags: uint }),
    ret: struct({ snapshots: array(snapshot, LIST_MAX), count: int }),
  },
  domainSnapshotGetXmlDesc: {
    proc: 186,
    args: struct({ snapshot, flags: uint }),
    ret: struct({ xml: string }),
  },
  domainSnapshotNum: { proc: 187, args: struct({ domain, flags: uint }), ret: struct({ count: int }) },
  domainSnapshotGetParent: { proc: 244, args: struct({ snapshot, flags: uint }), ret: struct({ snapshot }) },
  domainSnapshotCurrent: { proc: 191, args: struct({ domain, flags: uint }), ret: struct({ snapshot }) },
} as const satisfies Record<string, CallDeclaration>;
