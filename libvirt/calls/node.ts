import {
  array,
  int,
  nothing,
  opaque,
  optional,
  paddedChars,
  string,
  struct,
  uhyper,
  uint,
} from '../wire/codec.ts';
import { typedParams } from '../wire/types.ts';
import type { CallDeclaration } from './call.ts';

const PAGES_MAX = 1_024;

/** Reading and changing the host. */
export const nodeCalls = {
  nodeGetInfo: {
    proc: 6,
    args: nothing,
    ret: struct({
      model: paddedChars(32),
      memoryKiB: uhyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
  },
  connectGetCapabilities: { proc: 7, args: nothing, ret: struct({ xml: string }) },
  connectGetDomainCapabilities: {
    proc: 342,
    args: struct({
      emulator: optional(string),
      arch: optional(string),
      machine: optional(string),
      virtType: optional(string),
      flags: uint,
    }),
    ret: struct({ xml: string }),
  },
  nodeGetCpuStats: {
    proc: 227,
    args: struct({ cpu: int, nparams: int, flags: uint }),
    ret: struct({ stats: array(struct({ field: string, value: uhyper }), 16), nparams: int }),
    priority: 'high',
  },
  nodeGetMemoryStats: {
    proc: 228,
    // The count comes before the cell here, and after the CPU in nodeGetCpuStats.
    args: struct({ nparams: int, cell: int, flags: uint }),
    ret: struct({ stats: array(struct({ field: string, valueKiB: uhyper }), 16), nparams: int }),
    priority: 'high',
  },
  nodeGetCellsFreeMemory: {
    proc: 101,
    args: struct({ startCell: int, maxCells: int }),
    ret: struct({ freeBytes: array(uhyper, 1_024) }),
  },
  nodeGetFreeMemory: { proc: 102, args: nothing, ret: struct({ freeBytes: uhyper }) },
  nodeGetFreePages: {
    proc: 340,
    args: struct({ pageSizesKiB: array(uint, PAGES_MAX), startCell: int, cellCount: uint, flags: uint }),
    /** One count for each cell and size, at `cell * sizes + size`. */
    ret: struct({ counts: array(uhyper, PAGES_MAX) }),
  },
  nodeAllocPages: {
    proc: 347,
    args: struct({
      pageSizesKiB: array(uint, PAGES_MAX),
      counts: array(uhyper, PAGES_MAX),
      startCell: int,
      cellCount: uint,
      flags: uint,
    }),
    ret: struct({ cellsAdjusted: int }),
  },
  nodeGetCpuMap: {
    proc: 293,
    args: struct({ needMap: int, needOnline: int, flags: uint }),
    ret: struct({ map: opaque(2_048), online: uint, total: int }),
  },
  nodeSetMemoryParameters: {
    proc: 288,
    args: struct({ params: typedParams(64), flags: uint }),
    ret: nothing,
  },
  nodeGetMemoryParameters: {
    proc: 289,
    args: struct({ nparams: int, flags: uint }),
    ret: struct({ params: typedParams(64), nparams: int }),
  },
} as const satisfies Record<string, CallDeclaration>;
