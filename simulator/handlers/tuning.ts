import type { CallArgs, CallResult } from '../../libvirt/calls/all.ts';
import { DomainState, ErrorCode, Impact, LifecycleEvent } from '../../libvirt/constants.ts';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { CallFailure } from '../faults.ts';
import { checkScenario } from '../scenario.ts';
import { type ParamGroup, SimulatedVm } from '../vm.ts';
import { find, type HandlerContext, type Handlers, invalid, requireActive } from './context.ts';

function cpuSetOf(context: HandlerContext, map: Uint8Array): CpuSet {
  const cpus = CpuSet.fromBitmap(map);
  if (cpus.size === 0) throw invalid('empty cpumap is not allowed');
  const last = [...cpus].at(-1) ?? 0;
  if (last >= context.host.cpus.length) throw invalid(`CPU ${last} is not on this host`);
  return cpus;
}

function setParams(
  context: HandlerContext,
  args: { domain: Domain; params: readonly TypedParam[]; flags: number },
  group: ParamGroup,
): undefined {
  const vm = find(context, args.domain);
  requireActive(vm, args.flags);
  const store = vm.paramsOf(group);
  for (const param of args.params) store.set(param.field, param);
  context.emit('tunable', { domain: vm.domain, params: args.params });
  return undefined;
}

/** The getter pattern: asked with 0 it tells how many there are. */
function getParams(
  context: HandlerContext,
  { domain, nparams }: { domain: Domain; nparams: number },
  group: ParamGroup,
  defaults: readonly TypedParam[] = [],
): { params: readonly TypedParam[]; nparams: number } {
  const merged = new Map(defaults.map((param) => [param.field, param]));
  for (const [field, param] of find(context, domain).paramsOf(group)) merged.set(field, param);
  return { params: nparams === 0 ? [] : [...merged.values()].slice(0, nparams), nparams: merged.size };
}

const ullong = (field: string, value: number): TypedParam => ({ field, type: ParamType.ullong, value });
const llong = (field: string, value: number): TypedParam => ({ field, type: ParamType.llong, value });

const SCHEDULER_DEFAULTS = [
  ullong('cpu_shares', 1_024),
  ullong('vcpu_period', 100_000),
  llong('vcpu_quota', -1),
  ullong('emulator_period', 100_000),
  llong('emulator_quota', -1),
  ullong('global_period', 100_000),
  llong('global_quota', -1),
  ullong('iothread_period', 100_000),
  llong('iothread_quota', -1),
];
const UNLIMITED_KIB = 9_007_199_254_740_991;
const MEMORY_DEFAULTS = ['hard_limit', 'soft_limit', 'swap_hard_limit'].map((field) =>
  ullong(field, UNLIMITED_KIB),
);
const IOTUNE_DEFAULTS = ['total', 'read', 'write'].flatMap((what) => [
  ullong(`${what}_bytes_sec`, 0),
  ullong(`${what}_iops_sec`, 0),
]);

export const tuningHandlers: Handlers = {
  domainGetVcpus(context, { domain, maxInfo, mapLength }) {
    const vm = find(context, domain);
    requireActive(vm);
    const shown = vm.vcpus.slice(0, Math.min(maxInfo, vm.vcpuCurrent));
    return {
      info: shown.map(({ timeNs, cpu }, number) => ({ number, state: 1, cpuTimeNs: timeNs, cpu })),
      maps: maps(context, vm, shown.length, mapLength),
    };
  },
  async domainGetVcpuPinInfo(context, { domain, ncpumaps, mapLength }) {
    const vm = find(context, domain);
    await context.faults.monitor(vm);
    const count = Math.min(ncpumaps, vm.spec.vcpus);
    return { maps: maps(context, vm, count, mapLength), count };
  },
  domainGetEmulatorPinInfo(context, { domain, mapLength }) {
    const cpus = find(context, domain).emulatorPin ?? everyCpu(context);
    return { map: cpus.toBitmap(mapLength), result: 1 };
  },
  domainGetIoThreadInfo(context, { domain }) {
    const vm = find(context, domain);
    const length = Math.ceil(context.host.cpus.length / 8);
    const ioThreads = [...vm.ioThreads].map((id) => ({
      id,
      map: (vm.ioThreadPins.get(id) ?? everyCpu(context)).toBitmap(length),
    }));
    return { ioThreads, count: ioThreads.length };
  },
  domainPinVcpuFlags(context, { domain, vcpu, map, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    if (vcpu >= vm.spec.vcpus) throw invalid(`vcpu ${vcpu} is out of range`);
    const cpus = cpuSetOf(context, map);
    vm.vcpuPins.set(vcpu, cpus);
    tuned(context, vm, `cputune.vcpupin${vcpu}`, cpus);
    return undefined;
  },
  domainPinEmulator(context, { domain, map, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    vm.emulatorPin = cpuSetOf(context, map);
    tuned(context, vm, 'cputune.emulatorpin', vm.emulatorPin);
    return undefined;
  },
  domainPinIoThread(context, { domain, ioThreadId, map, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    if (!vm.ioThreads.has(ioThreadId)) throw invalid(`iothread ${ioThreadId} not found`);
    const cpus = cpuSetOf(context, map);
    vm.ioThreadPins.set(ioThreadId, cpus);
    tuned(context, vm, `cputune.iothreadpin${ioThreadId}`, cpus);
    return undefined;
  },
  domainAddIoThread(context, { domain, ioThreadId, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    if (vm.ioThreads.has(ioThreadId))
      throw invalid(`an IOThread is already using iothread_id '${ioThreadId}'`);
    vm.ioThreads.add(ioThreadId);
    return undefined;
  },
  domainDelIoThread(context, { domain, ioThreadId, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    if (!vm.ioThreads.has(ioThreadId))
      throw invalid(`cannot find IOThread '${ioThreadId}' in iothreadids list`);
    if (vm.spec.disks.some((disk) => disk.ioThread === ioThreadId)) {
      throw new CallFailure(
        ErrorCode.configUnsupported,
        `unsupported configuration: cannot remove IOThread '${ioThreadId}' since it is being used by disk`,
      );
    }
    vm.ioThreads.delete(ioThreadId);
    vm.ioThreadPins.delete(ioThreadId);
    return undefined;
  },
  domainSetIoThreadParams(context, { domain, ioThreadId, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    if (!vm.ioThreads.has(ioThreadId)) throw invalid(`iothread ${ioThreadId} not found`);
    return undefined;
  },
  domainSetNumaParameters: (context, args) => setParams(context, args, 'numa'),
  domainGetNumaParameters: (context, args) => getParams(context, args, 'numa'),
  domainSetBlockIoTune(context, { disk, ...args }) {
    requireDisk(context, args.domain, disk);
    return setParams(context, args, `iotune ${disk}`);
  },
  domainGetBlockIoTune(context, { disk, ...args }) {
    if (disk === undefined) return { params: [], nparams: IOTUNE_DEFAULTS.length };
    requireDisk(context, args.domain, disk);
    return getParams(context, args, `iotune ${disk}`, IOTUNE_DEFAULTS);
  },
  domainSetBlkioParameters: (context, args) => setParams(context, args, 'blkio'),
  domainGetBlkioParameters: (context, args) => getParams(context, args, 'blkio'),
  domainSetInterfaceParameters: (context, { device, ...args }) =>
    setParams(context, args, `bandwidth ${device}`),
  domainGetInterfaceParameters: (context, { device, ...args }) =>
    getParams(context, args, `bandwidth ${device}`),
  domainGetSchedulerType: (context, { domain }) => {
    find(context, domain);
    return { type: 'posix', nparams: SCHEDULER_DEFAULTS.length };
  },
  domainSetSchedulerParametersFlags: (context, args) => setParams(context, args, 'scheduler'),
  domainGetSchedulerParametersFlags: (context, args) => ({
    params: getParams(context, args, 'scheduler', SCHEDULER_DEFAULTS).params,
  }),
  domainSetMemoryParameters: (context, args) => setParams(context, args, 'memory'),
  domainGetMemoryParameters: (context, args) => getParams(context, args, 'memory', MEMORY_DEFAULTS),
  domainSetMemoryFlags(context, { domain, memoryKiB, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    const wantedKiB = Number(memoryKiB);
    if (wantedKiB > vm.maximumKiB) throw invalid('cannot set memory higher than max memory');
    vm.balloonKiB = wantedKiB;
    context.emit('balloonChange', { domain: vm.domain, actualKiB: wantedKiB });
    return undefined;
  },
  domainSetVcpusFlags(context, { domain, vcpus, flags }) {
    const vm = find(context, domain);
    requireActive(vm, flags);
    if (vcpus < 1 || vcpus > vm.spec.vcpus) throw invalid(`requested vcpus is greater than max: ${vcpus}`);
    vm.vcpuCurrent = vcpus;
    return undefined;
  },
  domainGetVcpusFlags: (context, { domain }) => ({ vcpus: find(context, domain).vcpuCurrent }),
  domainSetMetadata(context, { domain, type, metadata, uri }) {
    const vm = find(context, domain);
    if (type !== 2 || uri === undefined) throw invalid('only metadata elements are kept here');
    if (metadata === undefined) vm.metadata.delete(uri);
    else vm.metadata.set(uri, metadata);
    context.emit('metadataChange', { domain: vm.domain, type, uri });
    return undefined;
  },
  domainGetMetadata(context, { domain, uri }) {
    const found = find(context, domain).metadata.get(uri ?? '');
    if (found === undefined)
      throw new CallFailure(80, 'metadata not found: Requested metadata element is not present');
    return { metadata: found };
  },
  domainSetBlockThreshold(context, { domain, device, thresholdBytes }) {
    const vm = find(context, domain);
    requireDisk(context, domain, device);
    vm.blockThresholds.set(device, Number(thresholdBytes));
    return undefined;
  },
  domainDefineXmlFlags: define,
  domainCreateWithFlags(context, { domain }) {
    const vm = find(context, domain);
    if (vm.active)
      throw new CallFailure(
        ErrorCode.operationInvalid,
        'Requested operation is not valid: domain is already running',
      );
    vm.start(context.host.nextId());
    context.emit('lifecycle', { domain: vm.domain, event: LifecycleEvent.started, detail: 0 });
    return { domain: vm.domain };
  },
  domainDestroyFlags: (context, args) => stop(context, args, 2, 1),
  domainShutdownFlags: (context, args) => stop(context, args, 1, 0),
  domainUndefineFlags(context, { domain }) {
    const vm = find(context, domain);
    const { domain: was } = { domain: vm.domain };
    if (vm.active) vm.persistent = false;
    else context.host.remove(vm);
    context.emit('lifecycle', { domain: was, event: LifecycleEvent.undefined, detail: 0 });
    return undefined;
  },
};

function stop(
  context: HandlerContext,
  { domain }: CallArgs<'domainDestroyFlags'>,
  reason: number,
  detail: number,
): undefined {
  const vm = find(context, domain);
  requireActive(vm, Impact.live);
  const was = vm.domain;
  vm.stop(reason);
  if (!vm.persistent) context.host.remove(vm);
  context.emit('lifecycle', { domain: was, event: LifecycleEvent.stopped, detail });
  return undefined;
}

/** Takes over what a simulated VM has: vCPUs, memory, disks and pins. */
function define(
  context: HandlerContext,
  { xml }: CallArgs<'domainDefineXmlFlags'>,
): CallResult<'domainDefineXmlFlags'> {
  let vm: SimulatedVm;
  try {
    const facts = parseDomain(xml);
    const input = {
      name: facts.name,
      workload: 'idle',
      vcpus: facts.cpu.vcpusMaximum,
      memoryMiB: Math.round((facts.memory.maximumKiB ?? 0) / 1_024),
      state: 'shutoff',
      nics: facts.interfaces.length,
      balloonPeriodSeconds: facts.memory.balloonPeriodSeconds ?? 0,
      disks: facts.disks.map(({ target, cache }) => ({ target, sizeGiB: 10, ...(cache ? { cache } : {}) })),
    };
    const checked = checkScenario({ name: 'define', description: '', vms: [input] }, 'the XML');
    vm = new SimulatedVm(checked.vms[0] as (typeof checked.vms)[number], context.host.seed, -1);
    for (const [vcpu, cpus] of facts.cpu.vcpuPins) vm.vcpuPins.set(vcpu, cpus);
  } catch (error) {
    throw new CallFailure(ErrorCode.xmlError, `XML error: ${(error as Error).message}`);
  }
  const known = context.host.byName(vm.spec.name);
  if (known?.active === true) {
    throw new CallFailure(ErrorCode.operationFailed, `operation failed: domain '${vm.spec.name}' is running`);
  }
  if (known !== undefined) context.host.remove(known);
  context.host.add(vm);
  context.emit('lifecycle', {
    domain: vm.domain,
    event: LifecycleEvent.defined,
    detail: known === undefined ? 0 : 1,
  });
  return { domain: vm.domain };
}

function everyCpu({ host }: HandlerContext): CpuSet {
  return CpuSet.of(host.cpus.map((cpu) => cpu.id));
}

function maps(context: HandlerContext, vm: SimulatedVm, count: number, mapLength: number): Uint8Array {
  if (mapLength < Math.ceil(context.host.cpus.length / 8)) return new Uint8Array(count * mapLength);
  return Buffer.concat(
    Array.from({ length: count }, (_, vcpu) => context.host.allowedCpus(vm, vcpu).toBitmap(mapLength)),
  );
}

function requireDisk(context: HandlerContext, domain: Domain, target: string): void {
  const vm = find(context, domain);
  if (vm.state === DomainState.shutoff && !vm.persistent) throw invalid('domain is transient');
  if (!vm.spec.disks.some((disk) => disk.target === target)) {
    throw invalid(`missing persistent configuration for disk '${target}'`);
  }
}

function tuned(context: HandlerContext, vm: SimulatedVm, field: string, cpus: CpuSet): void {
  const params = [{ field, type: ParamType.string, value: cpus.toString() }];
  context.emit('tunable', { domain: vm.domain, params });
}
