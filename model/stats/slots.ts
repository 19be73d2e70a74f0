import { blockSlot } from './block-slots.ts';
import { type Draft, deviceOf, mapOf, type Slot, within } from './draft.ts';
import { DEVICE_FIELDS, DOMAIN_FIELDS, IGNORED, TOP_FIELDS } from './fields.ts';
import { type MonitorKind, monitorField, monitorKindOf } from './monitors.ts';

const IGNORE: Slot = () => undefined;

/** Stores a number or boolean; ignores text. */
const figure =
  (put: (draft: Draft, value: number | boolean) => void): Slot =>
  (draft, value) => {
    if (typeof value !== 'string') put(draft, value);
  };

/** Text fields of devices. */
const TEXTS: ReadonlySet<string> = new Set(['name', 'path']);

/** Bounds unknown fields per domain: a server can send any number of names. */
const UNKNOWN_MAX = 1_000;

/** Keeps a statistic that this version does not know: its value where it is a number. */
function unknownSlot(field: string): Slot {
  return (draft, value) => {
    const { unknown } = draft;
    if (unknown.size >= UNKNOWN_MAX) return;
    mapOf(draft, 'unknown').set(field, typeof value === 'string' ? undefined : Number(value));
  };
}

/**
 * Cache of parsed field names, since they recur for every domain and tick. Bounded, because the names are external
 * input: it is cleared when full.
 */
const SLOTS_MAX = 65_536;
const slots = new Map<string, Slot>();

/** Where the value of a statistics field goes. */
export function slotOf(field: string): Slot {
  let slot = slots.get(field);
  if (slot === undefined) {
    slot = understand(field) ?? unknownSlot(field);
    if (slots.size >= SLOTS_MAX) slots.clear();
    slots.set(field, slot);
  }
  return slot;
}

function understand(field: string): Slot | undefined {
  if (IGNORED.has(field)) return IGNORE;
  const top = lookUp(TOP_FIELDS, field);
  if (top !== undefined) {
    return figure((draft, value) => {
      draft.top[top] = value;
    });
  }
  const monitor = monitorKindOf(field);
  if (monitor !== undefined) return monitorSlot(monitor, field);
  const dirtyVcpu = /^dirtyrate\.vcpu\.(\d{1,9})\.megabytes_per_second$/.exec(field)?.[1];
  if (dirtyVcpu !== undefined) {
    return figure((draft, value) => {
      mapOf(draft, 'vcpuDirtyRate').set(Number(dirtyVcpu), Number(value));
    });
  }
  const match = /^([a-z]+)\.(?:(\d{1,9})\.)?(.+)$/.exec(field);
  if (match === null) return undefined;
  const [, group = '', index, rest = ''] = match;
  return index === undefined ? domainSlot(group, rest) : deviceSlot(group, Number(index), rest);
}

function monitorSlot(kind: MonitorKind, field: string): Slot | undefined {
  const put = monitorField(kind, field);
  return put === undefined ? undefined : (draft, value) => put(mapOf(draft, kind), value);
}

function domainSlot(group: string, rest: string): Slot | undefined {
  if (group === 'perf' || (group === 'vm' && isKvmName(rest))) {
    return figure((draft, value) => {
      mapOf(draft, group).set(rest, Number(value));
    });
  }
  if (!isKey(DOMAIN_FIELDS, group)) return undefined;
  const key = lookUp(DOMAIN_FIELDS[group], rest);
  if (key === undefined) return undefined;
  return figure((draft, value) => {
    draft[group][key] = value;
  });
}

function deviceSlot(group: string, index: number, rest: string): Slot | undefined {
  if (!isKey(DEVICE_FIELDS, group)) return undefined;
  const key = lookUp(DEVICE_FIELDS[group], rest);
  if (key !== undefined) {
    const isText = TEXTS.has(key);
    return (draft, value) => {
      if ((typeof value === 'string') === isText) deviceOf(mapOf(draft, group), index)[key] = value;
    };
  }
  if (group === 'vcpu' && isKvmName(rest)) {
    return figure((draft, value) => {
      within<string, number>(deviceOf(mapOf(draft, 'vcpu'), index), 'kvm').set(rest, Number(value));
    });
  }
  const block = group === 'block' ? blockSlot(index, rest) : undefined;
  return block && figure(block);
}

/** The names are KVM's and grow with each kernel; the suffixes are libvirt's. */
function isKvmName(rest: string): boolean {
  return /^[\w-]+\.(sum|cur|max)$/.test(rest);
}

/** Own keys only, so that a field called `constructor` is not taken for a known one. */
function lookUp<V>(table: Readonly<Record<string, V>>, key: string): V | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function isKey<T extends object>(table: T, key: string): key is keyof T & string {
  return Object.hasOwn(table, key);
}
