import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element } from '../../model/xml.ts';
import { append, ensurePath, prune, remove } from './edit.ts';
import type { Setting } from './setting.ts';
import { targetsOf } from './targets.ts';
import { cpuNumbers, whole } from './values.ts';

// No API can change a thread's scheduling class while a domain runs.

/** `fifo 1`, `rr 2`, `batch`, `idle`; only the first two have a priority. */
function policyOf(element: Element | undefined): string | undefined {
  const scheduler = attr(element, 'scheduler');
  const priority = whole(attr(element, 'priority'));
  const realTime = scheduler === 'fifo' || scheduler === 'rr';
  return realTime && priority !== undefined ? `${scheduler} ${priority}` : scheduler;
}

function setPolicy(element: Element, policy: string): void {
  const [scheduler = policy, priority] = policy.split(' ');
  element.setAttribute('scheduler', scheduler);
  if (priority === undefined) element.removeAttribute('priority');
  else element.setAttribute('priority', priority);
}

/** A setting in elements with a list of threads; an element without a list applies to all of them. */
function listSetting(id: string, title: string, on: 'vcpu' | 'iothread', list: string): Setting {
  const elements = (domain: Element): Element[] => children(child(domain, 'cputune'), id);
  const threadsOf = (domain: Element, element: Element): CpuSet => {
    const listed = attr(element, list);
    return listed === undefined ? CpuSet.of(targetsOf(domain, on).map(Number)) : cpuNumbers(listed);
  };
  return {
    id,
    title,
    on,
    read: (domain, target) =>
      policyOf(elements(domain).find((element) => threadsOf(domain, element).has(Number(target)))),
    write: (domain, target, value) => {
      const thread = CpuSet.of([Number(target)]);
      for (const element of elements(domain)) {
        const threads = threadsOf(domain, element);
        if (!threads.has(Number(target))) continue;
        const rest = threads.difference(thread);
        if (rest.size === 0) {
          remove(element);
          prune(domain, ['cputune']);
        } else element.setAttribute(list, rest.toString());
      }
      if (value === undefined) return;
      const same = elements(domain).find((element) => policyOf(element) === value);
      const element = same ?? append(ensurePath(domain, ['cputune']), id);
      const threads = same === undefined ? CpuSet.empty : threadsOf(domain, same);
      element.setAttribute(list, threads.union(thread).toString());
      setPolicy(element, value);
    },
  };
}

const emulatorsched: Setting = {
  id: 'emulatorsched',
  title: 'scheduling policy of emulator threads',
  on: 'domain',
  read: (domain) => policyOf(child(domain, 'cputune', 'emulatorsched')),
  write: (domain, _, value) => {
    if (value !== undefined) {
      setPolicy(ensurePath(domain, ['cputune', 'emulatorsched']), value);
      return;
    }
    const element = child(domain, 'cputune', 'emulatorsched');
    if (element === undefined) return;
    remove(element);
    prune(domain, ['cputune']);
  },
};

const iothreadsched = listSetting(
  'iothreadsched',
  'scheduling policy of an iothread',
  'iothread',
  'iothreads',
);

export const schedulerSettings = [
  listSetting('vcpusched', 'scheduling policy of a vCPU', 'vcpu', 'vcpus'),
  emulatorsched,
  iothreadsched,
] as const;

/** A definition with scheduling of missing iothreads is invalid. */
export function dropSchedulingOfIoThreads(domain: Element, gone: (id: string) => boolean): void {
  for (const element of children(child(domain, 'cputune'), 'iothreadsched')) {
    for (const id of cpuNumbers(attr(element, 'iothreads'))) {
      if (gone(String(id))) iothreadsched.write(domain, String(id), undefined);
    }
  }
}
