import type { Problem } from '../../errors.ts';
import { parseBandwidthParts, parseCacheParts } from '../../settings/resctrl.ts';
import { cpuNumbers, sizeText } from '../../settings/values.ts';
import { type Check, type CheckView, check } from './check.ts';

const NO_RESCTRL: Problem = {
  code: 'NO_RESCTRL',
  text: 'this host does not support cache or memory bandwidth allocation (virsh capabilities)',
  next: 'if the CPU supports it (Intel RDT, AMD QoS): mount -t resctrl resctrl /sys/fs/resctrl, then restart libvirtd',
};

function unknownVcpus(
  groups: readonly { readonly vcpus: string }[],
  { facts }: CheckView,
): Problem | undefined {
  const vcpus = facts.cpu.vcpusMaximum ?? 1;
  const all = groups.flatMap((group) => [...cpuNumbers(group.vcpus)]);
  const missing = all.find((vcpu) => vcpu >= vcpus);
  if (missing !== undefined) {
    return { code: 'NO_SUCH_VCPU', text: `the domain has ${vcpus} vCPUs; vCPU ${missing} does not exist` };
  }
  return new Set(all).size === all.length
    ? undefined
    : { code: 'VCPU_TWICE', text: 'each vCPU can be in only one group' };
}

export const resctrlChecks: readonly Check[] = [
  check(/^cachetune$/, (value, _, view) => {
    const banks = view.host.topology.caches.filter(
      ({ controls }) => controls !== undefined && controls.length > 0,
    );
    if (banks.length === 0) return NO_RESCTRL;
    const groups = parseCacheParts(value);
    for (const { level, id, type, sizeKiB } of groups.flatMap(({ parts }) => parts)) {
      const bank = banks.find((each) => each.level === level && each.id === id);
      const control = bank?.controls?.find((each) => each.type === type);
      if (bank === undefined || control === undefined) {
        return {
          code: 'NO_SUCH_CACHE',
          text: `this host does not support allocation of L${level} cache ${id} for ${type}`,
        };
      }
      const { granularityKiB, leastKiB } = control;
      if (sizeKiB < leastKiB || sizeKiB % granularityKiB !== 0 || sizeKiB > (bank.sizeKiB ?? sizeKiB)) {
        return {
          code: 'CACHE_SIZE',
          text: `L${level} cache ${id} can be allocated in multiples of ${sizeText(granularityKiB)} from ${sizeText(leastKiB)} to ${sizeText(bank.sizeKiB ?? 0)}, not ${sizeText(sizeKiB)}`,
        };
      }
    }
    return unknownVcpus(groups, view);
  }),
  check(/^memorytune$/, (value, _, view) => {
    const nodes = view.host.topology.memoryBandwidth ?? [];
    if (nodes.length === 0) return NO_RESCTRL;
    const groups = parseBandwidthParts(value);
    for (const { id, percent } of groups.flatMap(({ parts }) => parts)) {
      const node = nodes.find((each) => each.id === id);
      if (node === undefined) {
        return {
          code: 'NO_SUCH_CACHE',
          text: `this host does not support bandwidth allocation of node ${id}`,
        };
      }
      if (percent < node.least || percent > 100 || percent % node.granularity !== 0) {
        return {
          code: 'BANDWIDTH_SIZE',
          text: `bandwidth of node ${id} can be allocated in multiples of ${node.granularity} % from ${node.least} to 100 %, not ${percent} %`,
        };
      }
    }
    return unknownVcpus(groups, view);
  }),
];
