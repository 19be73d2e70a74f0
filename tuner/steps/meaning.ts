import type { CpuSet } from '../../model/cpu-set.ts';
import { parseDomainTree } from '../../model/domain/domain-tree.ts';
import { readMark } from '../../model/domain/tuned-mark.ts';
import type { Element } from '../../model/xml.ts';
import { settings } from '../settings/all.ts';
import type { Setting } from '../settings/setting.ts';
import { targetsOf } from '../settings/targets.ts';
import type { SavedDomain } from './step-host.ts';

/** One setting as found in a domain's XML. */
interface Reading {
  readonly setting: Setting;
  readonly target: string;
  readonly value: string | undefined;
}

/** All settings of all objects of the domain, by setting and target. */
function readAll(domain: Element): ReadonlyMap<string, Reading> {
  return new Map(
    settings.flatMap((setting) =>
      targetsOf(domain, setting.on).map((target): readonly [string, Reading] => [
        `${setting.id} ${target}`,
        { setting, target, value: setting.read(domain, target) },
      ]),
    ),
  );
}

const parse = (xml: string): Element => parseDomainTree('a domain', xml);

/**
 * How two descriptions of a domain differ in anything that the tuner can set: libvirt reformats what it is given, and
 * only the meaning must be equal.
 */
export function meaningDiffers(isXml: string, wantedXml: string): string | undefined {
  const [is, wanted] = [parse(isXml), parse(wantedXml)];
  const now = readAll(is);
  const unlike = [...readAll(wanted)].flatMap(([key, { setting, target, value }]) => {
    const has = now.get(key)?.value;
    return has === value ? [] : [unlikeText(setting, target, has, value)];
  });
  if (JSON.stringify(readMark(is)) !== JSON.stringify(readMark(wanted))) unlike.push('the mark differs');
  return unlike.length === 0 ? undefined : unlike.join('; ');
}

/** Settings in a description that differ from at least one of the earlier ones. */
function changed(xml: string, before: SavedDomain): Map<string, Reading> {
  const earlier = [before.inactive, before.live].flatMap((each) =>
    each === undefined ? [] : [readAll(parse(each))],
  );
  const all = [...readAll(parse(xml))];
  return new Map(
    all.filter(([key, { value }]) => earlier.some((readings) => readings.get(key)?.value !== value)),
  );
}

/** The changes as text for users: `disk.cache of vda none, shares 2048`. */
export function changesIn(xml: string, before: SavedDomain): string | undefined {
  const texts = [...changed(xml, before).values()].map(
    ({ setting, target, value }) => `${nameOf(setting, target)} ${value ?? 'not set'}`,
  );
  return texts.length === 0 ? undefined : texts.join(', ');
}

/**
 * Settings that a running domain has not taken from its definition, among those that the change was about: where the
 * definition differs from the previous one, or from what ran before. With `online`, the live XML may have the effective
 * value of a setting that the definition does not set: libvirt keeps a pin to all CPUs if a pin was set and reverted.
 * Without it, the domain was just started: settings that a guest reaches only later do not count.
 */
export function notTaken(
  live: string,
  definition: string,
  before: SavedDomain,
  online: CpuSet | undefined,
): string[] {
  const root = parse(live);
  const runs = readAll(root);
  return [...changed(definition, before)].flatMap(([key, { setting, target, value }]) => {
    const has = runs.get(key)?.value;
    if (online === undefined && setting.isReachedLater === true) return [];
    const holds = online === undefined ? undefined : setting.valueIfUnset?.(root, online);
    const taken =
      has === value || setting.sameLive?.(value, has) === true || (value === undefined && has === holds);
    return taken ? [] : [unlikeText(setting, target, has, value)];
  });
}

function nameOf({ id }: Setting, target: string): string {
  return target === '' ? id : `${id} of ${target}`;
}

function unlikeText(
  setting: Setting,
  target: string,
  is: string | undefined,
  wanted: string | undefined,
): string {
  return `${nameOf(setting, target)} is ${is ?? 'not set'}, not ${wanted ?? 'unset'}`;
}
