import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';
import { knows } from '../release.ts';
import { ioThreadIds } from './cpu-tune.ts';
import { firstDuplicate, INTERNAL, numberAt, type Rule, UNSUPPORTED, vcpusOf, XML_ERROR } from './rule.ts';

const outside = (domain: Element, name: string, low: number, high: number): string | undefined => {
  const value = Number(text(child(domain, 'cputune', name)) ?? low);
  // 0 means unset, and a negative quota no limit.
  const unset = value === 0 || (name.endsWith('quota') && value < 0);
  return unset || (value >= low && value <= high)
    ? undefined
    : `Value of cputune '${name}' must be in range [${low}, ${high}]`;
};

const PERIODS = ['period', 'global_period', 'emulator_period', 'iothread_period'];
const QUOTAS = ['quota', 'global_quota', 'emulator_quota', 'iothread_quota'];

/** Checks of iothreads, pins, shares, quotas and schedulers. */
export const cpuTuneRules: readonly Rule[] = [
  [
    XML_ERROR,
    (domain) => {
      const id = firstDuplicate(
        children(child(domain, 'iothreadids'), 'iothread').map((each) => attr(each, 'id') ?? ''),
      );
      return id === undefined ? undefined : `duplicate iothread id '${id}' found`;
    },
  ],
  [
    INTERNAL,
    (domain) => {
      const pins = children(child(domain, 'cputune'), 'vcpupin').map((pin) => attr(pin, 'vcpu') ?? '');
      const vcpu = firstDuplicate(pins);
      return vcpu === undefined ? undefined : `duplicate vcpupin for vcpu '${vcpu}'`;
    },
  ],
  [
    [8, 0],
    (domain) => {
      const lists = children(child(domain, 'cputune')).flatMap((pin) => attr(pin, 'cpuset') ?? []);
      return lists.some((list) => CpuSet.parse(list).size === 0)
        ? "invalid argument: Failed to parse bitmap ''"
        : undefined;
    },
  ],
  [
    XML_ERROR,
    (domain) =>
      children(child(domain, 'cputune'), 'emulatorpin').length > 1
        ? 'only one emulatorpin is supported'
        : undefined,
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const ids = ioThreadIds(domain);
      const missing = children(child(domain, 'cputune'), 'iothreadpin')
        .map((pin) => wholeNumber(attr(pin, 'iothread')) ?? 0)
        // If the list of ids is shorter than the count, the lowest free ids are added.
        .find((id) => !ids.includes(id) && id > (numberAt(domain, 'iothreads') ?? 0));
      return missing === undefined ? undefined : `Cannot find 'iothread' : ${missing}`;
    },
  ],
  [
    UNSUPPORTED,
    (domain, release) =>
      knows(release, 'storesAnyShares') ? undefined : outside(domain, 'shares', 2, 262_144),
  ],
  ...PERIODS.map((name): Rule => [UNSUPPORTED, (domain) => outside(domain, name, 1_000, 1_000_000)]),
  ...QUOTAS.map((name): Rule => [UNSUPPORTED, (domain) => outside(domain, name, 1_000, 17_592_186_044_415)]),
  [
    [27, 5],
    (domain) => {
      const realTime = (each: Element): boolean => ['fifo', 'rr'].includes(attr(each, 'scheduler') ?? '');
      const bare = children(child(domain, 'cputune')).find(
        (each) => each.nodeName.endsWith('sched') && realTime(each) && attr(each, 'priority') === undefined,
      );
      return bare === undefined
        ? undefined
        : `Missing required attribute 'priority' in element '${bare.nodeName}'`;
    },
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const vcpus = children(child(domain, 'cputune'), 'vcpusched').flatMap((each) => [
        ...CpuSet.parse(attr(each, 'vcpus') ?? ''),
      ]);
      const beyond = vcpus.find((vcpu) => vcpu >= vcpusOf(domain));
      return beyond === undefined ? undefined : `vCPU '${beyond}' is not present in domain definition`;
    },
  ],
];
