import { attr, child, children, type Element, text, wholeNumber } from '../xml.ts';

/** By libvirt's names (`total_bytes_sec`, `read_iops_sec_max`, ...); 0: unlimited. */
type Limits = ReadonlyMap<string, number>;

/** Limits that all disks of a domain share whose `<throttlefilters>` name the group (libvirt 11.2). */
export interface ThrottleGroup {
  readonly name: string;
  /** Empty for a group that the domain does not have. */
  readonly limits: Limits;
}

/** The children of `<iotune>`, or of `<throttlegroup>`, which has the same ones. */
export function parseLimits(element: Element | undefined): Map<string, number> {
  const found = new Map<string, number>();
  for (const each of children(element)) {
    const value = wholeNumber(text(each));
    // A group may have a number for a name.
    if (each.localName === null || each.localName === 'group_name' || value === undefined) continue;
    found.set(each.localName, value);
  }
  return found;
}

/** By name: https://libvirt.org/formatdomain.html#disk-throttle-group-management. */
export function parseThrottleGroups(domain: Element): Map<string, ThrottleGroup> {
  const groups = children(child(domain, 'throttlegroups'), 'throttlegroup').flatMap((group) => {
    const name = text(child(group, 'group_name'));
    return name === undefined ? [] : [{ name, limits: parseLimits(group) }];
  });
  return new Map(groups.map((group) => [group.name, group]));
}

/** The groups that a disk's filters name, in their order; undefined for a disk without filters. */
export function groupsOfFilters(
  disk: Element,
  known: ReadonlyMap<string, ThrottleGroup>,
): ThrottleGroup[] | undefined {
  const names = children(child(disk, 'throttlefilters'), 'throttlefilter').flatMap(
    (filter) => attr(filter, 'group') ?? [],
  );
  if (names.length === 0) return undefined;
  return [...new Set(names)].map((name) => known.get(name) ?? { name, limits: new Map() });
}

/** A request passes all filters of its disk, so that the lowest of each limit holds. */
export function lowestLimits(groups: readonly ThrottleGroup[]): Map<string, number> {
  const lowest = new Map<string, number>();
  for (const [name, value] of groups.flatMap(({ limits }) => [...limits]))
    if (value > 0) lowest.set(name, Math.min(value, lowest.get(name) ?? value));
  return lowest;
}

/** Limits that hold one disk, or several together. */
export interface LimitSet {
  /** The same for all disks of a domain that these limits hold together. */
  readonly name: string;
  readonly limits: Limits;
}

/**
 * What holds a disk back: its own limits, or those of its `<group_name>`, or each of its throttle groups. A throttle group is not
 * the group of that `<group_name>`: libvirt gives it another name in QEMU (`throttle-NAME`).
 */
export function limitSets(disk: {
  readonly target: string;
  readonly limits: Limits;
  readonly limitGroup?: string | undefined;
  readonly throttleGroups?: readonly ThrottleGroup[] | undefined;
}): LimitSet[] {
  const { target, limits, limitGroup, throttleGroups } = disk;
  return (
    throttleGroups?.map((group) => ({ name: `throttle group ${group.name}`, limits: group.limits })) ?? [
      { name: limitGroup === undefined ? `disk ${target}` : `group ${limitGroup}`, limits },
    ]
  );
}
