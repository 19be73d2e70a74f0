import { attr, child, children, type Element, text, wholeNumber } from '../xml.ts';

/** By libvirt's name (`total_bytes_sec`, `read_iops_sec_max`, ...); 0: unlimited. */
type Limits = ReadonlyMap<string, number>;

/** Limits shared by all disks of a domain whose `<throttlefilters>` name the group (libvirt 11.2). */
export interface ThrottleGroup {
  readonly name: string;
  /** Empty for a group that the domain does not define. */
  readonly limits: Limits;
}

/** The children of `<iotune>`, or of `<throttlegroup>`, which has the same ones. */
export function parseLimits(element: Element | undefined): Map<string, number> {
  const found = new Map<string, number>();
  for (const each of children(element)) {
    const value = wholeNumber(text(each));
    // A group's name may be a number.
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

/** The groups that a disk's filters name, in order; undefined for a disk without filters. */
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

/** A request passes every filter of its disk, so the lowest value of each limit applies. */
export function lowestLimits(groups: readonly ThrottleGroup[]): Map<string, number> {
  const lowest = new Map<string, number>();
  for (const [name, value] of groups.flatMap(({ limits }) => [...limits]))
    if (value > 0) lowest.set(name, Math.min(value, lowest.get(name) ?? value));
  return lowest;
}

/** Limits of one disk, or limits that several disks share. */
export interface LimitSet {
  /** The same for all disks of a domain that share these limits. */
  readonly name: string;
  readonly limits: Limits;
}

/**
 * The limits that apply to a disk: its own, those of its `<group_name>`, or those of each of its throttle groups. A
 * throttle group never coincides with the group of a `<group_name>`: libvirt gives it another name in QEMU
 * (`throttle-NAME`).
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
