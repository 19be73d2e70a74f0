import type { CpuSet } from '../../model/cpu-set.ts';
import type { Element } from '../../model/xml.ts';
import type { Problem } from '../errors.ts';
import type { Step, StepDomain } from '../steps/step.ts';

/**
 * What of a domain a setting is set on. Its targets: '' for the domain, else `0`, `1`, `vda`, the index of a
 * virtio-scsi controller, a NIC's MAC address.
 */
export type SettingScope = 'domain' | 'vcpu' | 'iothread' | 'disk' | 'controller' | 'nic' | 'cell';

/** A change of one setting of a running domain. */
export interface LiveChange {
  readonly domain: StepDomain;
  readonly target: string;
  /** Absent: the running domain's XML does not say it. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The running domain's XML, for what a step must know besides (a NIC's host-side name). */
  readonly live: Element;
}

/**
 * One thing in a domain's XML that the tuner can set. Values are text in one canonical form each, so that equal
 * means equal in tables, in JSON and in drift: a CPU list as CpuSet prints it, a size as `2 MiB`, `yes` or `no`,
 * a plain number. Absent is undefined: the XML does not say it, and libvirt's or QEMU's default holds.
 */
export interface Setting {
  /** Stable: part of the plan's JSON. `vcpupin`, `disk.cache`. */
  readonly id: string;
  readonly title: string;
  readonly on: SettingScope;
  /** What the XML says, in canonical form; libvirt's own rewrites of the same meaning read the same. */
  readonly read: (domain: Element, target: string) => string | undefined;
  /** What holds while the XML says nothing, where that is known: every online CPU for a pin. */
  readonly unsaid?: (domain: Element, online: CpuSet) => string | undefined;
  /** Says it in the XML, or takes it out; leaves all else as it was. */
  readonly write: (domain: Element, target: string, value: string | undefined) => void;
  /**
   * The steps that change it while the domain runs. Absent: the next boot takes it from the definition. Undefined
   * as answer: this change of it cannot be made while it runs, though others can.
   */
  readonly live?: (change: LiveChange) => readonly Step[] | undefined;
  /** A guest that was started comes to it by itself, once its driver runs: right after a start it may be anything. */
  readonly isReachedLater?: boolean;
  /** Whether a running domain says what is wanted in other words, which libvirt wrote once it ran. */
  readonly sameLive?: (wanted: string | undefined, live: string | undefined) => boolean;
}

/** Something that a profile wants of a domain. */
export interface Wish {
  readonly setting: Setting;
  readonly target: string;
  /** Undefined: it should not be said. */
  readonly value: string | undefined;
  /** The knob of the profile that it comes from, why, and on whose word. */
  readonly knob: string;
  readonly why: string;
  readonly source: string;
  /** Stands against it here: shown, and not changed. */
  readonly problem?: Problem | undefined;
  /** The guest may lack what it takes (a virtio driver, say): shown, and changed only when asked for by name. */
  readonly proposal?: string | undefined;
  /** An earlier profile set it and this one does not mention it: `value` is what was there before. */
  readonly takenBack?: boolean | undefined;
  /** No definition of this libvirt can hold it: set while the domain runs, and again after each start. */
  readonly liveOnly?: boolean | undefined;
}

/** Of one setting of one disk, NIC, vCPU, … in a map. `target` is '' for the domain itself. */
export const settingKey = (setting: string, target: string): string => `${setting} ${target}`;
