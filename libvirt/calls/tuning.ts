import { array, int, nothing, opaque, optional, string, struct, uhyper, uint } from '../wire/codec.ts';
import { domain, typedParams } from '../wire/types.ts';
import type { CallDeclaration } from './call.ts';

/** REMOTE_CPUMAP_MAX and REMOTE_CPUMAPS_MAX. */
const cpuMap = opaque(2_048);
const cpuMaps = opaque(8_388_608);
const VCPU_MAX = 16_384;

const withFlags = struct({ domain, flags: uint });
const withXml = struct({ domain, xml: string, flags: uint });
const params16 = struct({ params: typedParams(16), nparams: int });
const readParams = struct({ domain, nparams: int, flags: uint });
const setParams16 = struct({ domain, params: typedParams(16), flags: uint });

/** Reading and changing how a domain is placed, limited and built. */
export const tuningCalls = {
  domainGetVcpus: {
    proc: 20,
    args: struct({ domain, maxInfo: int, mapLength: int }),
    ret: struct({
      info: array(struct({ number: uint, state: int, cpuTimeNs: uhyper, cpu: int }), VCPU_MAX),
      maps: cpuMaps,
    }),
  },
  domainGetVcpuPinInfo: {
    proc: 230,
    args: struct({ domain, ncpumaps: int, mapLength: int, flags: uint }),
    ret: struct({ maps: cpuMaps, count: int }),
  },
  domainGetEmulatorPinInfo: {
    proc: 280,
    args: struct({ domain, mapLength: int, flags: uint }),
    ret: struct({ map: cpuMaps, result: int }),
  },
  domainGetIoThreadInfo: {
    proc: 351,
    args: withFlags,
    ret: struct({ ioThreads: array(struct({ id: uint, map: cpuMap }), VCPU_MAX), count: uint }),
  },
  domainPinVcpuFlags: {
    proc: 225,
    args: struct({ domain, vcpu: uint, map: cpuMap, flags: uint }),
    ret: nothing,
  },
  domainPinEmulator: { proc: 279, args: struct({ domain, map: cpuMap, flags: uint }), ret: nothing },
  domainPinIoThread: {
    proc: 352,
    args: struct({ domain, ioThreadId: uint, map: cpuMap, flags: uint }),
    ret: nothing,
  },
  domainAddIoThread: { proc: 355, args: struct({ domain, ioThreadId: uint, flags: uint }), ret: nothing },
  domainDelIoThread: { proc: 356, args: struct({ domain, ioThreadId: uint, flags: uint }), ret: nothing },
  domainSetIoThreadParams: {
    proc: 402,
    args: struct({ domain, ioThreadId: uint, params: typedParams(64), flags: uint }),
    ret: nothing,
  },
  domainSetNumaParameters: { proc: 254, args: setParams16, ret: nothing },
  domainGetNumaParameters: { proc: 255, args: readParams, ret: params16 },
  domainSetBlockIoTune: {
    proc: 252,
    args: struct({ domain, disk: string, params: typedParams(32), flags: uint }),
    ret: nothing,
  },
  domainGetBlockIoTune: {
    proc: 253,
    args: struct({ domain, disk: optional(string), nparams: int, flags: uint }),
    ret: struct({ params: typedParams(32), nparams: int }),
  },
  domainSetBlkioParameters: { proc: 205, args: setParams16, ret: nothing },
  domainGetBlkioParameters: { proc: 206, args: readParams, ret: params16 },
  domainSetInterfaceParameters: {
    proc: 256,
    args: struct({ domain, device: string, params: typedParams(16), flags: uint }),
    ret: nothing,
  },
  domainGetInterfaceParameters: {
    proc: 257,
    args: struct({ domain, device: string, nparams: int, flags: uint }),
    ret: params16,
  },
  domainGetSchedulerType: { proc: 56, args: struct({ domain }), ret: struct({ type: string, nparams: int }) },
  domainSetSchedulerParametersFlags: { proc: 219, args: setParams16, ret: nothing },
  // The only getter of its kind that does not repeat the count after the list.
  domainGetSchedulerParametersFlags: {
    proc: 223,
    args: readParams,
    ret: struct({ params: typedParams(16) }),
  },
  domainSetMemoryParameters: { proc: 197, args: setParams16, ret: nothing },
  domainGetMemoryParameters: { proc: 198, args: readParams, ret: params16 },
  domainSetMemoryFlags: { proc: 204, args: struct({ domain, memoryKiB: uhyper, flags: uint }), ret: nothing },
  domainSetVcpusFlags: { proc: 199, args: struct({ domain, vcpus: uint, flags: uint }), ret: nothing },
  domainGetVcpusFlags: { proc: 200, args: withFlags, ret: struct({ vcpus: int }) },
  domainSetVcpu: {
    proc: 384,
    args: struct({ domain, cpuList: string, state: int, flags: uint }),
    ret: nothing,
  },
  domainDefineXmlFlags: { proc: 350, args: struct({ xml: string, flags: uint }), ret: struct({ domain }) },
  domainUpdateDeviceFlags: { proc: 174, args: withXml, ret: nothing },
  domainAttachDeviceFlags: { proc: 160, args: withXml, ret: nothing },
  domainDetachDeviceFlags: { proc: 161, args: withXml, ret: nothing },
  domainCreateWithFlags: { proc: 196, args: withFlags, ret: struct({ domain }) },
  domainDestroyFlags: { proc: 234, args: withFlags, ret: nothing },
  domainShutdownFlags: { proc: 258, args: withFlags, ret: nothing },
  domainUndefineFlags: { proc: 231, args: withFlags, ret: nothing },
  domainSetMetadata: {
    proc: 264,
    args: struct({
      domain,
      type: int,
      metadata: optional(string),
      key: optional(string),
      uri: optional(string),
      flags: uint,
    }),
    ret: nothing,
  },
  domainGetMetadata: {
    proc: 265,
    args: struct({ domain, type: int, uri: optional(string), flags: uint }),
    ret: struct({ metadata: string }),
  },
  domainSetBlockThreshold: {
    proc: 386,
    args: struct({ domain, device: string, thresholdBytes: uhyper, flags: uint }),
    ret: nothing,
  },
  qemuMonitorCommand: {
    proc: 1,
    program: 'qemu',
    args: struct({ domain, command: string, flags: uint }),
    ret: struct({ result: string }),
  },
  qemuAgentCommand: {
    proc: 3,
    program: 'qemu',
    args: struct({ domain, command: string, timeoutSeconds: int, flags: uint }),
    ret: struct({ result: optional(string) }),
  },
} as const satisfies Record<string, CallDeclaration>;
