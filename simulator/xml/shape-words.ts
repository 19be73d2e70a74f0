import type { LibvirtFeature } from '../../model/libvirt-features.ts';

/**
 * How libvirt prints a domain (conf/domain_conf.c, virDomainDefFormatInternal and what it calls): in which
 * order, and what it takes. Whatever a client writes that is not here libvirt forgets, unless the shape is open:
 * then it is printed behind the rest, since this list is not the whole of libvirt's.
 */
export interface Shape {
  /** In order. A list names the only values; a pattern is asked for only by who wants the schema checked. */
  readonly attributes?: Readonly<Record<string, readonly string[] | RegExp | undefined>>;
  readonly children?: readonly string[];
  /** An attribute that is wanted beside certain values of another; the schema's business alone. */
  readonly needs?: readonly [attribute: string, values: readonly string[], needed: string];
  /** Of its text; the schema's business alone. */
  readonly text?: RegExp;
  readonly open?: true;
  /** Attributes and children that not every release has. */
  readonly since?: Readonly<Record<string, LibvirtFeature>>;
  /** Children that there is only one of, and those that keep others out: the schema's business alone. */
  readonly once?: readonly string[];
  readonly excludes?: Readonly<Record<string, readonly string[]>>;
  /** Not printed when there is nothing in it. */
  readonly dropEmpty?: true;
}

export const ANY = undefined;
export const ON_OFF = ['on', 'off'] as const;
export const YES_NO = ['yes', 'no'] as const;
export const COUNT = /^[1-9]\d*$/;
export const NUMBER = /^\d+$/;
