import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';
import { add, ensure, remove, setAttr, setText } from './edit.ts';

/** The number of iothreads is the larger of the count and the list; an incomplete list is completed. */
export function completeIoThreads(domain: Element): void {
  const list = child(domain, 'iothreadids');
  const ids = children(list, 'iothread').flatMap((each) => wholeNumber(attr(each, 'id')) ?? []);
  const count = Math.max(wholeNumber(text(child(domain, 'iothreads'))) ?? 0, ids.length);
  if (count === 0) return remove(child(domain, 'iothreads'));
  setText(ensure(domain, 'iothreads'), count);
  if (list === undefined || ids.length === 0) return remove(list);
  for (let id = 1; ids.length < count; id++) {
    if (ids.includes(id)) continue;
    add(list, 'iothread', { id });
    ids.push(id);
  }
}

/** The ids of a domain's iothreads, in order. */
export function ioThreadIds(domain: Element): number[] {
  const named = children(child(domain, 'iothreadids'), 'iothread').flatMap(
    (each) => wholeNumber(attr(each, 'id')) ?? [],
  );
  const count = wholeNumber(text(child(domain, 'iothreads'))) ?? 0;
  return named.length > 0 ? named : Array.from({ length: count }, (_, index) => index + 1);
}

/** Sorts pins by what they pin. A pin of a vCPU that does not exist is silently dropped. */
export function completeCpuTune(domain: Element): void {
  const tune = child(domain, 'cputune');
  if (tune === undefined) return;
  const maximum = wholeNumber(text(child(domain, 'vcpu'))) ?? 1;
  for (const pin of children(tune, 'vcpupin')) {
    if ((wholeNumber(attr(pin, 'vcpu')) ?? 0) >= maximum) remove(pin);
  }
  for (const name of ['vcpupin', 'emulatorpin', 'iothreadpin'])
    for (const pin of children(tune, name)) canonicalList(pin, 'cpuset');
  const threads = ioThreadIds(domain);
  sortBy(tune, 'vcpupin', (pin) => wholeNumber(attr(pin, 'vcpu')) ?? 0);
  sortBy(tune, 'iothreadpin', (pin) => threads.indexOf(wholeNumber(attr(pin, 'iothread')) ?? 0));
  for (const [name, list] of [
    ['vcpusched', 'vcpus'],
    ['iothreadsched', 'iothreads'],
  ] as const) {
    for (const each of children(tune, name)) {
      for (const id of CpuSet.parse(attr(each, list) ?? '')) {
        const { scheduler, priority } = {
          scheduler: attr(each, 'scheduler'),
          priority: attr(each, 'priority'),
        };
        add(tune, name, { [list]: id, scheduler, priority });
      }
      remove(each);
    }
  }
}

export function sortBy(parent: Element, name: string, key: (element: Element) => number): void {
  for (const each of children(parent, name).toSorted((a, b) => key(a) - key(b))) parent.appendChild(each);
}

/** Rewrites a list of CPUs or cells in libvirt's shortest form. */
export function canonicalList(element: Element, name: string): void {
  const list = attr(element, name);
  if (list !== undefined && list.trim() !== '') setAttr(element, name, CpuSet.parse(list).toString());
}
