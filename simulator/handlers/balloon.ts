import { ErrorCode } from '../../libvirt/constants.ts';
import { attr, child, type Element } from '../../model/xml.ts';
import { CallFailure } from '../call-failure.ts';
import type { Description } from '../description.ts';
import { invalidArgument, notValid } from '../parameters/group.ts';
import { add, ensure, remove, setAttr, setText } from '../xml/edit.ts';
import { find, type Handlers } from './context.ts';
import { affected, editEach, looked } from './impact.ts';

/** VIR_DOMAIN_MEM_MAXIMUM and VIR_DOMAIN_VCPU_MAXIMUM */
const MAXIMUM = 4;

const balloonOf = (domain: Element): Element | undefined => {
  const balloon = child(domain, 'devices', 'memballoon');
  return attr(balloon, 'model') === 'none' ? undefined : balloon;
};

function requireBalloon(description: Description | undefined): void {
  if (description === undefined || balloonOf(description.read()) !== undefined) return;
  throw new CallFailure(
    ErrorCode.internal,
    'internal error: No memory balloon device configured, can not set the collection period',
  );
}

function inKiB(domain: Element, name: string, kib: number): void {
  const element = ensure(domain, name);
  setAttr(element, 'unit', 'KiB');
  setText(element, kib);
}

/** Current memory and vCPUs, within their maximum. */
export const balloonHandlers: Handlers = {
  domainSetMemoryStatsPeriod(context, { domain, periodSeconds, flags }) {
    const vm = find(context, domain);
    if (periodSeconds < 0) {
      throw new CallFailure(
        ErrorCode.invalidArg,
        'period in virDomainSetMemoryStatsPeriod must be zero or greater',
        20,
      );
    }
    const targets = affected(vm, flags);
    requireBalloon(targets.live);
    requireBalloon(targets.config);
    editEach(targets, (root) => {
      const balloon = balloonOf(root);
      remove(child(balloon, 'stats'));
      if (periodSeconds > 0 && balloon !== undefined) add(balloon, 'stats', { period: periodSeconds });
    });
    return undefined;
  },
  domainSetMemoryFlags(context, { domain, memoryKiB, flags }) {
    const vm = find(context, domain);
    const { live, config } = affected(vm, flags);
    const wantedKiB = Number(memoryKiB);
    if ((flags & MAXIMUM) !== 0) {
      if (live !== undefined) throw notValid('cannot resize the maximum memory on an active domain');
      config?.edit((root) => {
        inKiB(root, 'memory', wantedKiB);
        inKiB(root, 'currentMemory', Math.min(wantedKiB, config.facts.currentKiB));
      });
      return undefined;
    }
    if (live !== undefined && balloonOf(live.read()) === undefined) {
      throw notValid(
        'Unable to change memory of active domain without the balloon device and guest OS balloon driver',
      );
    }
    for (const description of [live, config]) {
      if (description !== undefined && wantedKiB > description.facts.maximumKiB)
        throw invalidArgument('cannot set memory higher than max memory');
    }
    editEach({ live, config }, (root) => inKiB(root, 'currentMemory', wantedKiB));
    if (live !== undefined) {
      vm.balloonKiB = wantedKiB;
      context.emit('balloonChange', { domain: vm.domain, actualKiB: wantedKiB });
    }
    return undefined;
  },
  domainSetVcpusFlags(context, { domain, vcpus, flags }) {
    const vm = find(context, domain);
    if (vcpus === 0)
      throw new CallFailure(ErrorCode.invalidArg, 'nvcpus in virDomainSetVcpusFlags must not be zero', 20);
    const { live, config } = affected(vm, flags);
    if ((flags & MAXIMUM) !== 0) {
      if (live !== undefined)
        throw invalidArgument('maximum vcpu count of a live domain can not be modified');
      config?.edit((root) => setVcpus(root, Math.min(vcpus, config.facts.vcpusCurrent), vcpus));
      return undefined;
    }
    for (const [description, which] of [
      [live, 'live'],
      [config, 'persistent'],
    ] as const) {
      const max = description?.facts.vcpusMaximum ?? vcpus;
      if (vcpus > max) {
        throw invalidArgument(
          `requested vcpus is greater than max allowable vcpus for the ${which} domain: ${vcpus} > ${max}`,
        );
      }
    }
    const before = live?.facts.vcpusCurrent ?? vcpus;
    live?.edit((root) => setVcpus(root, vcpus, live.facts.vcpusMaximum));
    config?.edit((root) => setVcpus(root, vcpus, config.facts.vcpusMaximum));
    for (let vcpu = before - 1; vcpu >= vcpus; vcpu--)
      context.emit('vcpuRemoved', { domain: vm.domain, vcpu });
    return undefined;
  },
  domainGetVcpusFlags(context, { domain, flags }) {
    const { facts } = looked(find(context, domain), flags & 3).description;
    return { vcpus: (flags & MAXIMUM) === 0 ? facts.vcpusCurrent : facts.vcpusMaximum };
  },
};

function setVcpus(domain: Element, current: number, maximum: number): void {
  const vcpu = ensure(domain, 'vcpu');
  setText(vcpu, maximum);
  setAttr(vcpu, 'current', current === maximum ? undefined : current);
}
