import { child, type Element, text, wholeNumber } from '../../model/xml.ts';
import type { Release } from '../release.ts';

/** virErrorNumber and virErrorDomain of libvirt's errors. */
export const XML_ERROR = [27, 20] as const;
export const UNSUPPORTED = [67, 20] as const;
export const UNSUPPORTED_BY_QEMU = [67, 10] as const;
export const INTERNAL = [1, 20] as const;
export const DETAIL = [35, 20] as const;

type Answer = readonly [code: number, domain: number];
/** Checks a definition; returns the error message of that libvirt release, or undefined. */
export type Rule = readonly [
  answer: Answer,
  against: (domain: Element, release: Release) => string | undefined,
];

/** The number in the element at this path. */
export const numberAt = (parent: Element | undefined, ...path: readonly string[]): number | undefined =>
  wholeNumber(text(child(parent, ...path)));

export const vcpusOf = (domain: Element): number => numberAt(domain, 'vcpu') ?? 1;

/** The first duplicate. */
export const firstDuplicate = <T>(items: readonly T[]): T | undefined =>
  items.find((item, index) => items.indexOf(item) !== index);
