import { CpuSet } from '../../model/cpu-set.ts';
import { attr, type Element, elementKiB } from '../../model/xml.ts';

/** Canonical forms of settings' values: one text for one meaning. What libvirt never writes stays as it is. */

/** `0-3,8`. Undefined or empty: no list. */
export function cpuList(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  try {
    return CpuSet.parse(text).toString();
  } catch {
    return text;
  }
}

/** A list's numbers; empty for an invalid list. */
export function cpuNumbers(text: string | undefined): CpuSet {
  try {
    return text === undefined ? CpuSet.empty : CpuSet.parse(text);
  } catch {
    return CpuSet.empty;
  }
}

/** A whole number without leading zeros. */
export function whole(text: string | undefined): string | undefined {
  return text === undefined ? undefined : text.trim().replace(/^(-?)0+(?=\d)/, '$1');
}

/** Likewise, if libvirt treats 0 as not set. */
export function positive(text: string | undefined): string | undefined {
  const number = whole(text);
  return number === '0' || number === '' ? undefined : number;
}

const UNITS: readonly string[] = ['KiB', 'MiB', 'GiB', 'TiB'];

/** In the largest unit that gives a whole number: `2 MiB`, `1536 MiB`. */
export function sizeText(kib: number): string {
  let [count, unit] = [Math.ceil(kib), 0];
  while (count !== 0 && count % 1024 === 0 && unit < UNITS.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${count} ${UNITS[unit]}`;
}

/** Parses any whole number with a unit of sizeText; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,15}) ?(KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
  const power = unit === undefined ? -1 : UNITS.indexOf(unit);
  if (count === undefined || power < 0) return undefined;
  const kib = Number(count) * 1024 ** power;
  return Number.isSafeInteger(kib) ? kib : undefined;
}

export function elementSize(element: Element | undefined): string | undefined {
  const kib = elementKiB(element);
  return kib === undefined ? undefined : sizeText(kib);
}

/** A feature's `state`, which defaults to on. */
export function state(element: Element | undefined): string | undefined {
  return element === undefined ? undefined : (attr(element, 'state') ?? 'on');
}
