import { array, bool, hyper, int, nothing, optional, string, struct, uhyper, uint } from '../wire/codec.ts';
import { domain, typedParams, uuid } from '../wire/types.ts';
import type { CallDeclaration } from './call.ts';

const LIST_MAX = 16_384;
const STATS_MAX = 262_144;
const justDomain = struct({ domain });
const withFlags = struct({ domain, flags: uint });
const withPath = struct({ domain, path: string, flags: uint });
const found = struct({ domain });

/** Reading a domain: identity, state, statistics. */
export const domainCalls = {
  connectListAllDomains: {
    proc: 273,
    args: struct({ needResults: int, flags: uint }),
    ret: struct({ domains: array(domain, LIST_MAX), count: uint }),
    priority: 'high',
  },
  connectGetAllDomainStats: {
    proc: 344,
    args: struct({ domains: array(domain, LIST_MAX), stats: uint, flags: uint }),
    ret: struct({ records: array(struct({ domain, params: typedParams(STATS_MAX) }), LIST_MAX) }),
  },
  domainLookupById: { proc: 22, args: struct({ id: int }), ret: found },
  domainLookupByName: { proc: 23, args: struct({ name: string }), ret: found },
  domainLookupByUuid: { proc: 24, args: struct({ uuid }), ret: found },
  domainGetXmlDesc: { proc: 14, args: withFlags, ret: struct({ xml: string }) },
  domainGetInfo: {
    proc: 16,
    args: justDomain,
    ret: struct({ state: uint, maxMemKiB: uhyper, memoryKiB: uhyper, vcpus: uint, cpuTimeNs: uhyper }),
  },
  domainGetState: { proc: 212, args: withFlags, ret: struct({ state: int, reason: int }), priority: 'high' },
  domainIsActive: { proc: 150, args: justDomain, ret: struct({ active: bool }), priority: 'high' },
  domainIsPersistent: { proc: 151, args: justDomain, ret: struct({ persistent: bool }) },
  domainGetAutostart: { proc: 15, args: justDomain, ret: struct({ autostart: bool }) },
  domainGetAutostartOnce: {
    proc: 449,
    since: 11_002_000,
    args: justDomain,
    ret: struct({ autostart: bool }),
  },
  domainMemoryStats: {
    proc: 159,
    args: struct({ domain, maxStats: uint, flags: uint }),
    ret: struct({ stats: array(struct({ tag: int, value: uhyper }), 1_024) }),
  },
  domainSetMemoryStatsPeriod: {
    proc: 308,
    args: struct({ domain, periodSeconds: int, flags: uint }),
    ret: nothing,
  },
  domainGetCpuStats: {
    proc: 262,
    args: struct({ domain, nparams: uint, startCpu: int, ncpus: uint, flags: uint }),
    ret: struct({ params: typedParams(2_048), nparams: int }),
  },
  domainBlockStatsFlags: {
    proc: 243,
    args: struct({ domain, path: string, nparams: int, flags: uint }),
    ret: struct({ params: typedParams(16), nparams: int }),
  },
  domainGetBlockInfo: {
    proc: 194,
    args: withPath,
    ret: struct({ allocationBytes: uhyper, capacityBytes: uhyper, physicalBytes: uhyper }),
  },
  domainInterfaceStats: {
    proc: 65,
    args: struct({ domain, device: string }),
    ret: struct({
      rxBytes: hyper,
      rxPackets: hyper,
      rxErrors: hyper,
      rxDrops: hyper,
      txBytes: hyper,
      txPackets: hyper,
      txErrors: hyper,
      txDrops: hyper,
    }),
  },
  domainGetPerfEvents: { proc: 365, args: withFlags, ret: struct({ params: typedParams(64) }) },
  domainSetPerfEvents: {
    proc: 366,
    args: struct({ domain, params: typedParams(64), flags: uint }),
    ret: nothing,
  },
  domainGetJobInfo: {
    proc: 163,
    args: justDomain,
    ret: struct({
      type: int,
      timeElapsedMs: uhyper,
      timeRemainingMs: uhyper,
      dataTotalBytes: uhyper,
      dataProcessedBytes: uhyper,
      dataRemainingBytes: uhyper,
      memTotalBytes: uhyper,
      memProcessedBytes: uhyper,
      memRemainingBytes: uhyper,
      fileTotalBytes: uhyper,
      fileProcessedBytes: uhyper,
      fileRemainingBytes: uhyper,
    }),
  },
  domainGetJobStats: { proc: 298, args: withFlags, ret: struct({ type: int, params: typedParams(64) }) },
  domainGetBlockJobInfo: {
    proc: 238,
    args: withPath,
    ret: struct({ found: bool, type: int, bandwidth: uhyper, current: uhyper, end: uhyper }),
  },
  domainGetControlInfo: {
    proc: 229,
    args: withFlags,
    ret: struct({ state: uint, details: uint, stateTimeMs: uhyper }),
    priority: 'high',
  },
  domainGetDiskErrors: {
    proc: 263,
    args: struct({ domain, maxErrors: uint, flags: uint }),
    ret: struct({ errors: array(struct({ disk: string, error: int }), 256), count: int }),
  },
  domainGetGuestInfo: {
    proc: 418,
    args: struct({ domain, types: uint, flags: uint }),
    ret: struct({ params: typedParams(2_048) }),
  },
  domainGetFsInfo: {
    proc: 349,
    args: withFlags,
    ret: struct({
      filesystems: array(
        struct({ mountpoint: string, name: string, type: string, devices: array(string, 256) }),
        256,
      ),
      count: uint,
    }),
  },
  domainInterfaceAddresses: {
    proc: 353,
    args: struct({ domain, source: uint, flags: uint }),
    ret: struct({
      interfaces: array(
        struct({
          name: string,
          mac: optional(string),
          addresses: array(struct({ type: int, address: string, prefix: uint }), 2_048),
        }),
        2_048,
      ),
    }),
  },
  domainAgentSetResponseTimeout: {
    proc: 420,
    args: struct({ domain, timeoutSeconds: int, flags: uint }),
    ret: struct({ result: int }),
  },
  domainStartDirtyRateCalc: {
    proc: 427,
    args: struct({ domain, seconds: int, flags: uint }),
    ret: nothing,
  },
  domainGetMessages: { proc: 426, args: withFlags, ret: struct({ messages: array(string, 2_048) }) },
} as const satisfies Record<string, CallDeclaration>;
