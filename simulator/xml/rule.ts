import { child, type Element, text, wholeNumber } from '../../model/xml.ts';

/** virErrorNumber and virErrorDomain, as libvirt 9.0 answers each. */
export const XML_ERROR = [27, 20] as const;
export const UNSUPPORTED = [67, 20] as const;
export const UNSUPPORTED_BY_QEMU = [67, 10] as const;
export const INTERNAL = [1, 20] as const;
export const DETAIL = [35, 20] as const;

type Answer = readonly [code: number, domain: number];
/** What stands against a definition, in libvirt's words; nothing if nothing does. */
export type Rule = readonly [answer: Answer, against: (domain: Element) => string | undefined];

/** The number that an element says, down a path of names. */
export const numberAt = (parent: Element | undefined, ...path: readonly string[]): number | undefined =>
  wholeNumber(text(child(parent, ...path)));

export const vcpusOf = (domain: Element): number => numberAt(domain, 'vcpu') ?? 1;

/** The first that is there a second time. */
export const twice = <T>(items: readonly T[]): T | undefined =>
  items.find((item, index) => items.indexOf(item) !== index);
