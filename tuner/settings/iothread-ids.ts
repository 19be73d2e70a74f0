import { attr, child, children, type Element, text, wholeNumber } from '../../model/xml.ts';

/** libvirt's only limit is 32 bits; a larger number than this is bogus. */
const IOTHREADS_MAX = 4_096;

/**
 * The ids of a domain's iothreads, ascending: the named ones, plus the lowest free ids up to the count (formatdomain,
 * "IOThreads Allocation").
 */
export function ioThreadIds(domain: Element): number[] {
  const ids = new Set(
    children(child(domain, 'iothreadids'), 'iothread').flatMap((each) => wholeNumber(attr(each, 'id')) ?? []),
  );
  const count = Math.min(wholeNumber(text(child(domain, 'iothreads'))) ?? 0, IOTHREADS_MAX);
  for (let id = 1; ids.size < count; id++) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}
