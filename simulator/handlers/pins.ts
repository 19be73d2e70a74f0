import { ErrorCode } from '../../libvirt/constants.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { attr, children, type Element } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import { invalidArgument } from '../parameters/group.ts';
import type { SimulatedVm } from '../vm.ts';
import { ioThreadIds } from '../xml/cpu-tune.ts';
import { add, ensure, setAttr } from '../xml/edit.ts';
import { find, type HandlerContext, type Handlers, requireActive } from './context.ts';
import { affected, editEach, looked } from './impact.ts';
import { writeIds } from './iothreads.ts';

/** Converts a CPU map; a running domain can only be pinned to online CPUs. */
function cpusOf({ host }: HandlerContext, map: Uint8Array, what: string, live: boolean): CpuSet {
  const cpus = CpuSet.fromBitmap(map);
  if (cpus.size === 0) throw invalidArgument('Empty cpu list for pinning');
  if (live && !cpus.isSubsetOf(host.onlineCpus)) {
    throw new CallFailure(
      ErrorCode.systemError,
      `Unable to write to '/sys/fs/cgroup/cpuset/machine/${what}/cpuset.cpus': Numerical result out of range`,
      54,
    );
  }
  return cpus;
}

/** Pins are sorted by what they pin. */
function setPin(
  domain: Element,
  name: string,
  id: readonly [string, number] | undefined,
  cpus: CpuSet,
): void {
  const tune = ensure(domain, 'cputune');
  const known = children(tune, name).find((pin) => id === undefined || attr(pin, id[0]) === String(id[1]));
  const pin = known ?? add(tune, name, id === undefined ? {} : { [id[0]]: id[1] });
  setAttr(pin, 'cpuset', cpus.toString());
  const rank = (each: Element): number =>
    id === undefined
      ? 0
      : name === 'iothreadpin'
        ? ioThreadIds(domain).indexOf(Number(attr(each, id[0])))
        : Number(attr(each, id[0]));
  for (const each of children(tune, name).toSorted((a, b) => rank(a) - rank(b))) tune.appendChild(each);
}

function tuned({ emit }: HandlerContext, vm: SimulatedVm, field: string, cpus: CpuSet): void {
  const params = [{ field, type: ParamType.string, value: cpus.toString() }];
  emit('tunable', { domain: vm.domain, params });
}

/** Concatenated CPU maps of the length requested by the client. */
function maps(sets: readonly CpuSet[], mapLength: number): Uint8Array {
  return Buffer.concat(sets.map((cpus) => within(cpus, mapLength).toBitmap(mapLength)));
}

const within = (cpus: CpuSet, mapLength: number): CpuSet =>
  CpuSet.of([...cpus].filter((cpu) => cpu < mapLength * 8));

export const pinHandlers: Handlers = {
  domainGetVcpus(context, { domain, maxInfo, mapLength }) {
    const vm = find(context, domain);
    requireActive(vm);
    const shown = vm.vcpus.slice(0, Math.min(maxInfo, vm.facts.vcpusCurrent));
    return {
      info: shown.map(({ timeNs, cpu }, number) => ({ number, state: 1, cpuTimeNs: timeNs, cpu })),
      maps: maps(
        shown.map((_, vcpu) => context.host.allowedCpus(vm, vcpu)),
        mapLength,
      ),
    };
  },
  async domainGetVcpuPinInfo(context, { domain, ncpumaps, mapLength, flags }) {
    const vm = find(context, domain);
    await context.faults.monitor(vm);
    const { facts } = looked(vm, flags).description;
    const count = Math.min(ncpumaps, facts.vcpusMaximum);
    const sets = Array.from(
      { length: count },
      (_, vcpu) => facts.vcpuPins.get(vcpu) ?? facts.cpuSet ?? context.host.onlineCpus,
    );
    return { maps: maps(sets, mapLength), count };
  },
  domainPinVcpuFlags(context, { domain, vcpu, map, flags }) {
    const vm = find(context, domain);
    const { live, config } = affected(vm, flags);
    const outOfRange = (what: string, count: number): Error =>
      invalidArgument(`vcpu ${vcpu} is out of range of ${what} cpu count ${count}`);
    if (live !== undefined && vcpu >= live.facts.vcpusMaximum)
      throw outOfRange('live', live.facts.vcpusMaximum);
    if (config !== undefined && vcpu >= config.facts.vcpusMaximum)
      throw outOfRange('persistent', config.facts.vcpusMaximum);
    const cpus = cpusOf(
      context,
      map,
      `qemu-${vm.id}-${vm.name}.libvirt-qemu/vcpu${vcpu}`,
      live !== undefined,
    );
    editEach({ live, config }, (root) => setPin(root, 'vcpupin', ['vcpu', vcpu], cpus));
    if (live !== undefined) tuned(context, vm, `cputune.vcpupin${vcpu}`, cpus);
    return undefined;
  },
  domainGetEmulatorPinInfo(context, { domain, mapLength, flags }) {
    const { facts } = looked(find(context, domain), flags).description;
    const cpus = facts.emulatorPin ?? facts.cpuSet ?? context.host.onlineCpus;
    return { map: maps([cpus], mapLength), result: 1 };
  },
  domainPinEmulator(context, { domain, map, flags }) {
    const vm = find(context, domain);
    const targets = affected(vm, flags);
    const live = targets.live !== undefined;
    const cpus = cpusOf(context, map, `qemu-${vm.id}-${vm.name}.libvirt-qemu/emulator`, live);
    editEach(targets, (root) => setPin(root, 'emulatorpin', undefined, cpus));
    if (live) tuned(context, vm, 'cputune.emulatorpin', cpus);
    return undefined;
  },
  domainGetIoThreadInfo(context, { domain, flags }) {
    const { facts } = looked(find(context, domain), flags).description;
    const length = Math.ceil(context.host.cpus.length / 8);
    const ioThreads = facts.ioThreads.map((id) => {
      const cpus = facts.ioThreadPins.get(id) ?? facts.cpuSet ?? context.host.onlineCpus;
      return { id, map: maps([cpus], length) };
    });
    return { ioThreads, count: ioThreads.length };
  },
  domainPinIoThread(context, { domain, ioThreadId, map, flags }) {
    const vm = find(context, domain);
    const { live, config } = affected(vm, flags);
    if (live?.facts.ioThreads.includes(ioThreadId) === false)
      throw invalidArgument(`iothread ${ioThreadId} not found`);
    if (config?.facts.ioThreads.includes(ioThreadId) === false)
      throw invalidArgument(`iothreadid ${ioThreadId} not found`);
    const where = `qemu-${vm.id}-${vm.name}.libvirt-qemu/iothread${ioThreadId}`;
    const cpus = cpusOf(context, map, where, live !== undefined);
    editEach({ live, config }, (root) => {
      // libvirt writes out the list of ids as soon as one of them has further attributes.
      writeIds(root);
      setPin(root, 'iothreadpin', ['iothread', ioThreadId], cpus);
    });
    if (live !== undefined) tuned(context, vm, `cputune.iothreadpin${ioThreadId}`, cpus);
    return undefined;
  },
};
