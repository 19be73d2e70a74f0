import type { LibvirtFeature } from '../../model/libvirt-features.ts';

/**
 * How libvirt prints a domain (conf/domain_conf.c, virDomainDefFormatInternal and its callees): order and accepted
 * values. libvirt drops everything else from a client's XML, unless the shape is open: then it is printed last, since
 * this list does not cover all of libvirt.
 */
export interface Shape {
  /** In order. A list contains the only valid values; a pattern is checked only by schema validation. */
  readonly attributes?: Readonly<Record<string, readonly string[] | RegExp | undefined>>;
  readonly children?: readonly string[];
  /** An attribute required with certain values of another; schema validation only. */
  readonly needs?: readonly [attribute: string, values: readonly string[], needed: string];
  /** Pattern of its text; schema validation only. */
  readonly text?: RegExp;
  readonly open?: true;
  /** Attributes and children that only newer releases have. */
  readonly since?: Readonly<Record<string, LibvirtFeature>>;
  /** Children that must be unique, and children that exclude others; schema validation only. */
  readonly once?: readonly string[];
  readonly excludes?: Readonly<Record<string, readonly string[]>>;
  /** Not printed when empty. */
  readonly dropEmpty?: true;
}

export const ANY = undefined;
export const ON_OFF = ['on', 'off'] as const;
export const YES_NO = ['yes', 'no'] as const;
export const COUNT = /^[1-9]\d*$/;
export const NUMBER = /^\d+$/;
