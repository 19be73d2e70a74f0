import type { CpuSet } from '../../model/cpu-set.ts';
import type { Element } from '../../model/xml.ts';
import type { Problem } from '../errors.ts';
import type { Step, StepDomain } from '../steps/step.ts';

/**
 * The part of a domain that a setting applies to. Its targets: '' for the domain, else `0`, `1`, `vda`, the index of a
 * virtio-scsi controller, a NIC's MAC address.
 */
export type SettingScope = 'domain' | 'vcpu' | 'iothread' | 'disk' | 'controller' | 'nic' | 'cell';

/** A change of one setting of a running domain. */
export interface LiveChange {
  readonly domain: StepDomain;
  readonly target: string;
  /** Absent: not set in the running domain's XML. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The running domain's XML, for details that a step needs (a NIC's host-side name). */
  readonly live: Element;
}

/**
 * One thing in a domain's XML that the tuner can set. Each value has one canonical text, so that values can be compared
 * as text in tables, in JSON and in drift: a CPU list as CpuSet prints it, a size as `2 MiB`, `yes` or `no`, a plain
 * number. Undefined: not set in the XML, so libvirt's or QEMU's default applies.
 */
export interface Setting {
  /** Stable: part of the plan's JSON. `vcpupin`, `disk.cache`. */
  readonly id: string;
  readonly title: string;
  readonly on: SettingScope;
  /** The value in the XML, in canonical form; libvirt's rewrites with the same meaning read the same. */
  readonly read: (domain: Element, target: string) => string | undefined;
  /** The effective value if the XML has none, if known: every online CPU for a pin. */
  readonly valueIfUnset?: (domain: Element, online: CpuSet) => string | undefined;
  /** Sets it in the XML, or removes it; leaves everything else unchanged. */
  readonly write: (domain: Element, target: string, value: string | undefined) => void;
  /**
   * The steps that change it on a running domain. Method absent: takes effect at the next boot only. Result undefined:
   * this particular change cannot be made live, though others can.
   */
  readonly live?: (change: LiveChange) => readonly Step[] | undefined;
  /** A started guest reaches the value only once its driver runs: right after a start it may have any value. */
  readonly isReachedLater?: boolean;
  /** Whether a live value means the wanted one, though libvirt rewrote it once the domain ran. */
  readonly sameLive?: (wanted: string | undefined, live: string | undefined) => boolean;
}

/** A value that a profile wants for a setting of a domain. */
export interface Wish {
  readonly setting: Setting;
  readonly target: string;
  /** Undefined: it should not be set. */
  readonly value: string | undefined;
  /** The knob of the profile that it comes from, the reason, and the source. */
  readonly knob: string;
  readonly why: string;
  readonly source: string;
  /** Why it is not possible here: shown, and not changed. */
  readonly problem?: Problem | undefined;
  /** The guest may lack a prerequisite (a virtio driver, for example): shown, and changed only if accepted by name. */
  readonly proposal?: string | undefined;
  /** Set by an earlier profile and not mentioned by this one: `value` is what was there before. */
  readonly takenBack?: boolean | undefined;
  /** This libvirt's definitions cannot hold it: set while the domain runs, and again after each start. */
  readonly liveOnly?: boolean | undefined;
}

/** Map key for a setting of one disk, NIC, vCPU, … `target` is '' for the domain itself. */
export const settingKey = (setting: string, target: string): string => `${setting} ${target}`;
