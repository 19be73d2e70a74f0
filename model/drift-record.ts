import type { CallReason } from './host.ts';
import { isObject } from './is-object.ts';
import { VirtuneError } from './virtune-error.ts';

/**
 * What `virtune tune` found about the VMs that it has tuned, for the exporter on the same host. The exporter only reads
 * libvirt, while comparing a VM with its profile takes the profiles and a placement of all VMs.
 */
export interface DriftRecord {
  /** The host's name, as libvirt reports it. */
  readonly hostname: string;
  /** By UUID. */
  readonly domains: ReadonlyMap<string, DomainDrift>;
  /** VMs whose profile cannot be read: when that was found, by UUID (wall clock, ms since 1970). */
  readonly withoutProfile?: ReadonlyMap<string, number> | undefined;
  /** Result of a VM's last experiment, by UUID; kept even if its settings were undone because they did not help. */
  readonly effects: ReadonlyMap<string, RecordedEffect>;
}

/** Result of `virtune tune apply --measure` for a VM. */
export interface RecordedEffect {
  /** The deciding figure, as the report names it. */
  readonly figure: string;
  readonly verdict: EffectVerdict;
  /** Whether the settings were kept. */
  readonly isKept: boolean;
  /** When the experiment ended; wall clock, ms since 1970. */
  readonly measuredAtMs: number;
  /** The figure with the settings / without them, and its 95 % interval; absent where it is unbounded. */
  readonly ratio?: number | undefined;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

export const EFFECT_VERDICTS = ['better', 'worse', 'no difference', 'inconclusive'] as const;
export type EffectVerdict = (typeof EFFECT_VERDICTS)[number];

export interface DomainDrift {
  /** Wall clock, ms since 1970. */
  readonly checkedAtMs: number;
  /** Whether a setting differs from the profile, in the running VM or in its definition. */
  readonly isDrifted: boolean;
  /** Settings by their state relative to the profile. */
  readonly settings: Readonly<Record<DriftStanding, number>>;
  /** Safety rules that the VM violates: those that no plan may break, and advice. */
  readonly violations: Readonly<Record<DriftLevel, number>>;
}

/** What is exported about a VM's last check. */
export interface DriftFigures {
  /** Absent where no check is known. */
  readonly checkedAtMs: number | undefined;
  /** Absent, with the reason, where there is no valid result. */
  readonly found: DomainDrift | undefined;
  readonly missing?: DriftReason | undefined;
  /** The last experiment on the VM; absent where none is known. It has a separate timestamp and never becomes stale. */
  readonly effect?: RecordedEffect | undefined;
}

export type DriftReason =
  /** There is no record, or it does not contain the VM. */
  | 'not_measured'
  /** The profile that it was tuned with cannot be found or read. */
  | 'no_profile'
  /** The check is too old, or dated in the future: it says nothing about the present VM. */
  | 'stale'
  /** This user may not read the record's file. */
  | 'not_permitted'
  /** The record cannot be read for another reason, or has an unknown format. */
  | 'unreadable'
  /** The record is of another host. */
  | 'other_host'
  /** The name of this host is unknown, and why. */
  | CallReason;

export const DRIFT_STANDINGS = ['held', 'waits', 'run', 'definition', 'unsupported'] as const;
export type DriftStanding = (typeof DRIFT_STANDINGS)[number];

export const DRIFT_LEVELS = ['refuse', 'warn'] as const;
export type DriftLevel = (typeof DRIFT_LEVELS)[number];

/** Written by the tuner, read by the exporter. In /run, since a reboot invalidates every check. */
export const DRIFT_RECORD_FILE = '/run/virtune/drift.json';

const FORMAT = 1;

export function driftRecordText({ hostname, domains, withoutProfile, effects }: DriftRecord): string {
  const record = {
    format: FORMAT,
    hostname,
    domains: Object.fromEntries(domains),
    withoutProfile: Object.fromEntries(withoutProfile ?? []),
    effects: Object.fromEntries(effects),
  };
  return `${JSON.stringify(record)}\n`;
}

/** A record that cannot be used; the message says why. */
export class DriftRecordError extends VirtuneError {
  override readonly name = 'DriftRecordError';
  constructor(message: string, options?: ErrorOptions) {
    super('DRIFT_RECORD', message, options);
  }
}

/** @throws DriftRecordError for what is not a drift record, is damaged, or was written by a newer virtune */
export function parseDriftRecord(text: string): DriftRecord {
  const record = objectOf(jsonOf(text));
  const format = record?.['format'];
  if (record === undefined || format === undefined || !('domains' in record))
    throw new DriftRecordError('it is not a drift record, but another file');
  if (typeof format === 'number' && format > FORMAT)
    throw new DriftRecordError(
      `it has format ${format}, of a newer virtune; this one reads format ${FORMAT}`,
    );
  const { hostname } = record;
  const domains = objectOf(record['domains']);
  if (format !== FORMAT || domains === undefined || typeof hostname !== 'string')
    throw new DriftRecordError('it is damaged: its format, hostname or domains are invalid');
  // Older records have neither of these.
  const effects = objectOf(record['effects'] ?? {});
  const withoutProfile = objectOf(record['withoutProfile'] ?? {});
  if (effects === undefined || withoutProfile === undefined)
    throw new DriftRecordError('it is damaged: its effects or VMs without a profile are invalid');
  return {
    hostname,
    domains: entriesOf(domains, domainOf),
    withoutProfile: entriesOf(withoutProfile, (value) => (typeof value === 'number' ? value : undefined)),
    effects: entriesOf(effects, effectOf),
  };
}

function entriesOf<T>(
  values: Readonly<Record<string, unknown>>,
  parse: (value: unknown) => T | undefined,
): Map<string, T> {
  const found = new Map<string, T>();
  for (const [uuid, each] of Object.entries(values)) {
    const entry = parse(each);
    if (entry === undefined)
      throw new DriftRecordError(
        `it is damaged: the entry of ${JSON.stringify(uuid.slice(0, 36))} is invalid`,
      );
    found.set(uuid, entry);
  }
  return found;
}

function effectOf(value: unknown): RecordedEffect | undefined {
  const { figure, verdict, isKept, measuredAtMs, ratio, low, high } = objectOf(value) ?? {};
  const known = EFFECT_VERDICTS.find((each) => each === verdict);
  if (typeof figure !== 'string' || known === undefined || typeof isKept !== 'boolean') return undefined;
  if (typeof measuredAtMs !== 'number') return undefined;
  const numbers = { ratio, low, high };
  if (Object.values(numbers).some((each) => each !== undefined && typeof each !== 'number')) return undefined;
  return {
    figure,
    verdict: known,
    isKept,
    measuredAtMs,
    ...(numbers as Pick<RecordedEffect, 'ratio' | 'low' | 'high'>),
  };
}

function domainOf(value: unknown): DomainDrift | undefined {
  const { checkedAtMs, isDrifted, settings, violations } = objectOf(value) ?? {};
  const counted = countsOf(settings, DRIFT_STANDINGS);
  const broken = countsOf(violations, DRIFT_LEVELS);
  if (typeof checkedAtMs !== 'number' || typeof isDrifted !== 'boolean') return undefined;
  if (counted === undefined || broken === undefined) return undefined;
  return { checkedAtMs, isDrifted, settings: counted, violations: broken };
}

function countsOf<K extends string>(value: unknown, keys: readonly K[]): Record<K, number> | undefined {
  const counts = objectOf(value);
  const isWhole = keys.every((key) => Number.isSafeInteger(counts?.[key]) && Number(counts?.[key]) >= 0);
  return isWhole
    ? (Object.fromEntries(keys.map((key) => [key, counts?.[key]])) as Record<K, number>)
    : undefined;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isObject(value) ? value : undefined;
}

function jsonOf(text: string): unknown {
  if (text.trim() === '') throw new DriftRecordError('it is empty');
  try {
    return JSON.parse(text);
  } catch {
    // Not the parser's message: it may quote the content of another file.
    throw new DriftRecordError('it is damaged, or another file: it is not JSON');
  }
}
