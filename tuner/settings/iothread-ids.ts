import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';

/** libvirt has no bound except 32 bits; a number above this is a lie. */
const IOTHREADS_MAX = 4_096;

/**
 * The ids of a domain's iothreads, ascending: those that are named, and as many of the lowest others as the count
 * asks for (formatdomain, "IOThreads Allocation").
 */
export function ioThreadIds(domain: Element): number[] {
  const ids = new Set(
    children(child(domain, 'iothreadids'), 'iothread').flatMap((each) => wholeNumber(attr(each, 'id')) ?? []),
  );
  const count = Math.min(wholeNumber(text(child(domain, 'iothreads'))) ?? 0, IOTHREADS_MAX);
  for (let id = 1; ids.size < count; id++) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}
