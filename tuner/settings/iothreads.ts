import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element } from '../../model/xml.ts';
import type { Step } from '../steps/step.ts';
import { dropPinsOfIoThreads } from './cpu-pins.ts';
import { ioThreadUsers } from './disk.ts';
import { append, findPath, type PathStep, putAttribute, putText, remove, removePath } from './edit.ts';
import { ioThreadIds } from './iothread-ids.ts';
import { wholeParam } from './params.ts';
import { dropSchedulingOfIoThreads } from './schedulers.ts';
import type { LiveChange, Setting } from './setting.ts';
import { cpuNumbers, whole } from './values.ts';

/** Their ids, as a list: `1-4`. The count alone would not show which ones to remove. */
const ioThreads: Setting = {
  id: 'iothreads',
  title: 'iothreads, by id',
  on: 'domain',
  read: (domain) => {
    const ids = ioThreadIds(domain).filter((id) => id <= 8_191);
    return ids.length === 0 ? undefined : CpuSet.of(ids).toString();
  },
  write: (domain, _, value) => {
    const ids = [...cpuNumbers(value)];
    const gone = (id: string): boolean => !ids.includes(Number(id));
    dropPinsOfIoThreads(domain, gone);
    dropSchedulingOfIoThreads(domain, gone);
    putText(domain, ['iothreads'], ids.length === 0 ? undefined : String(ids.length));
    nameIoThreads(domain, ids);
  },
  live: ({ domain, from, to, live }) => {
    const [before, after] = [cpuNumbers(from), cpuNumbers(to)];
    const gone = before.difference(after);
    // libvirt does not remove an iothread in use by a running device, and devices change iothreads only at a boot.
    if (ioThreadUsers(live).some(({ id }) => gone.has(Number(id)))) return undefined;
    const step = (id: number, state: 'present' | 'absent'): Step => ({
      kind: 'ioThread',
      domain,
      id,
      to: state,
    });
    return [
      ...[...after.difference(before)].map((id) => step(id, 'present')),
      ...[...gone].map((id) => step(id, 'absent')),
    ];
  },
};

/** Writes ids as needed: none if they are 1, 2, 3 ... without further attributes. */
function nameIoThreads(domain: Element, ids: readonly number[]): void {
  const named = children(child(domain, 'iothreadids'), 'iothread');
  for (const element of named) if (!ids.includes(Number(attr(element, 'id')))) remove(element);
  const kept = named.filter((element) => ids.includes(Number(attr(element, 'id'))));
  const plain = kept.every((element) => element.attributes.length === 1 && children(element).length === 0);
  if (plain && ids.every((id, index) => id === index + 1)) {
    if (child(domain, 'iothreadids') !== undefined) removePath(domain, ['iothreadids']);
    return;
  }
  for (const id of ids) nameIoThread(domain, String(id));
}

const ioThreadPath = (id: string): PathStep[] => ['iothreadids', { name: 'iothread', with: ['id', id] }];

/** An iothread's own element, created if missing. */
function nameIoThread(domain: Element, id: string): Element {
  const parent = child(domain, 'iothreadids') ?? append(domain, 'iothreadids');
  return findPath(domain, ioThreadPath(id)) ?? append(parent, { name: 'iothread', with: ['id', id] });
}

/** Removes ids that no longer add anything to the count. */
function forgetPlainNames(domain: Element): void {
  if (child(domain, 'iothreads') !== undefined) nameIoThreads(domain, ioThreadIds(domain));
}

/** First libvirt whose definitions hold polling times (formatdomain, "IOThreads Allocation"). */
export const POLL_IN_DEFINITION = 9_004_000;

/** With an older libvirt, it can be set only on a running QEMU, and is lost when that ends. */
function pollSetting(
  id: string,
  title: string,
  attribute: string,
  param: string,
  type: 'uint' | 'ullong',
): Setting {
  return {
    id,
    title,
    on: 'iothread',
    read: (domain, target) => whole(attr(findPath(domain, [...ioThreadPath(target), 'poll']), attribute)),
    write: (domain, target, value) => {
      if (value !== undefined) {
        putAttribute(nameIoThread(domain, target), ['poll'], attribute, value);
        return;
      }
      const named = findPath(domain, ioThreadPath(target));
      if (named === undefined || findPath(named, ['poll']) === undefined) return;
      putAttribute(named, ['poll'], attribute, undefined);
      forgetPlainNames(domain);
    },
    live: ({ domain, target, to }: LiveChange) =>
      to === undefined
        ? undefined
        : [{ kind: 'ioThreadParams', domain, id: Number(target), to: [wholeParam(param, type, to)] }],
  };
}

/** `0-16`: minimum and maximum of worker threads. One setting, since the minimum may never exceed the maximum. */
const pool: Setting = {
  id: 'iothread.pool',
  title: 'worker threads of an iothread, minimum and maximum',
  on: 'iothread',
  read: (domain, target) => {
    const element = findPath(domain, ioThreadPath(target));
    const [min, max] = [attr(element, 'thread_pool_min'), attr(element, 'thread_pool_max')];
    if (min === undefined && max === undefined) return undefined;
    // QEMU's default for the bound that is not set (qemu/event-loop-base, 7.1).
    return `${whole(min) ?? '0'}-${whole(max) ?? '64'}`;
  },
  write: (domain, target, value) => {
    if (value !== undefined) {
      const [min = '0', max = '64'] = value.split('-');
      const element = nameIoThread(domain, target);
      element.setAttribute('thread_pool_min', min);
      element.setAttribute('thread_pool_max', max);
      return;
    }
    const element = findPath(domain, ioThreadPath(target));
    if (element === undefined) return;
    element.removeAttribute('thread_pool_min');
    element.removeAttribute('thread_pool_max');
    forgetPlainNames(domain);
  },
  live: ({ domain, target, to }) => {
    if (to === undefined) return undefined;
    const [min = '0', max = '64'] = to.split('-');
    const params = [wholeParam('thread_pool_min', 'int', min), wholeParam('thread_pool_max', 'int', max)];
    return [{ kind: 'ioThreadParams', domain, id: Number(target), to: params }];
  },
};

export const ioThreadSettings = [
  ioThreads,
  pollSetting('iothread.poll.max', 'maximum polling time of an iothread, ns', 'max', 'poll_max_ns', 'ullong'),
  pollSetting(
    'iothread.poll.grow',
    'growth factor of the iothread polling time',
    'grow',
    'poll_grow',
    'uint',
  ),
  pollSetting(
    'iothread.poll.shrink',
    'shrink divisor of the iothread polling time',
    'shrink',
    'poll_shrink',
    'uint',
  ),
  pool,
] as const;
