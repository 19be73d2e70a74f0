import { CpuSet, CpuSetError } from '../cpu-set.ts';
import { attr, child, children, type Element } from '../xml.ts';

/** Namespace of the tuner's metadata in each tuned domain. */
export const MARK_NAMESPACE = 'https://virtune.dev/xmlns/tuner/1';

/** What the tuner records in a domain: which profile, in which version, when, and by which transaction. */
export interface TunedMark {
  readonly profile: string;
  /** Version of the whole profile, so that a later edit of it is not taken for drift. */
  readonly version: string;
  /** ISO 8601. */
  readonly at: string;
  readonly id: string;
  /** CPUs that its plan reserved for the host, as a list; absent: the default, or a mark of an older virtune. */
  readonly hostCpus?: string | undefined;
  /** What it has set, and the previous values; undefined in a mark of an older virtune. */
  readonly settings?: readonly MarkedSetting[] | undefined;
}

/** One setting that the tuner has changed. Values are the tuner's canonical text; null: not set in the XML. */
export interface MarkedSetting {
  readonly setting: string;
  /** `vda`, `0`; empty for the domain itself. */
  readonly target: string;
  readonly to: string | null;
  readonly was: string | null;
}

/** Undefined for an incomplete mark: anyone who can define the VM can write its metadata. */
export function readMark(domain: Element): TunedMark | undefined {
  const element = markElement(domain);
  const [profile, version, at, id] = ['profile', 'version', 'at', 'id'].map((name) => attr(element, name));
  if (profile === undefined || version === undefined || at === undefined || id === undefined)
    return undefined;
  const settings = readSettings(attr(element, 'settings'));
  const hostCpus = readCpus(attr(element, 'hostCpus'));
  return {
    profile,
    version,
    at,
    id,
    ...(hostCpus !== undefined && { hostCpus }),
    ...(settings && { settings }),
  };
}

/** As `CpuSet` writes it; undefined for anything but a list of CPUs. */
function readCpus(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : CpuSet.parse(text).toString();
  } catch (error) {
    if (error instanceof CpuSetError) return undefined;
    throw error;
  }
}

/** Undefined for anything but such a list: the mark is untrusted. */
function readSettings(text: string | undefined): MarkedSetting[] | undefined {
  if (text === undefined) return undefined;
  const list = jsonOf(text);
  if (!Array.isArray(list)) return undefined;
  return list.flatMap((each: unknown): MarkedSetting[] => {
    if (!Array.isArray(each)) return [];
    const [setting, target, to, was]: unknown[] = each;
    const whole =
      typeof setting === 'string' && typeof target === 'string' && isValue(to) && isValue(was) && to !== was;
    return whole ? [{ setting, target, to, was }] : [];
  });
}

const isValue = (value: unknown): value is string | null => value === null || typeof value === 'string';

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The mark as attributes, by name. */
export function markAttributes({ settings, ...named }: TunedMark): Record<string, string> {
  const { profile, version, at, id, hostCpus } = named;
  const list = settings?.map(({ setting, target, to, was }) => [setting, target, to, was]);
  return {
    profile,
    version,
    at,
    id,
    ...(hostCpus !== undefined && { hostCpus }),
    ...(list && { settings: JSON.stringify(list) }),
  };
}

export function markElement(domain: Element): Element | undefined {
  return children(child(domain, 'metadata')).find(
    (element) => element.namespaceURI === MARK_NAMESPACE && element.localName === 'tuned',
  );
}
