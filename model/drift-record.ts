import { isObject } from './is-object.ts';

/**
 * What `virtune tune` found of the VMs that it has tuned, for the exporter on the same host: the exporter only reads
 * libvirt, and comparing a VM with its profile takes the profiles and a placement of all VMs.
 */
export interface DriftRecord {
  /** As libvirt calls the host. */
  readonly hostname: string;
  /** By UUID. */
  readonly domains: ReadonlyMap<string, DomainDrift>;
}

export interface DomainDrift {
  /** Wall clock, ms since 1970. */
  readonly checkedAtMs: number;
  /** Whether a setting differs from the profile, in the running VM or in its definition. */
  readonly isDrifted: boolean;
  /** Settings by their state relative to the profile. */
  readonly settings: Readonly<Record<DriftStanding, number>>;
  /** Safety rules that the VM breaks: those that no plan may break, and advice. */
  readonly violations: Readonly<Record<DriftLevel, number>>;
}

/** What is exported of a VM's last check; `found` is absent when the check is too old to say anything of the VM now. */
export interface DriftFigures {
  readonly checkedAtMs: number;
  readonly found: DomainDrift | undefined;
}

export const DRIFT_STANDINGS = ['held', 'waits', 'run', 'definition', 'unsupported'] as const;
export type DriftStanding = (typeof DRIFT_STANDINGS)[number];

export const DRIFT_LEVELS = ['refuse', 'warn'] as const;
export type DriftLevel = (typeof DRIFT_LEVELS)[number];

/** Where the tuner writes it and the exporter reads it. After a reboot nothing has been checked yet, so it is in /run. */
export const DRIFT_RECORD_FILE = '/run/virtune/drift.json';

const FORMAT = 1;

export function driftRecordText({ hostname, domains }: DriftRecord): string {
  return `${JSON.stringify({ format: FORMAT, hostname, domains: Object.fromEntries(domains) })}\n`;
}

/** Undefined for what is not such a record, or is one of a newer virtune. */
export function parseDriftRecord(text: string): DriftRecord | undefined {
  const record = objectOf(jsonOf(text));
  const domains = objectOf(record?.['domains']);
  const hostname = record?.['hostname'];
  if (record?.['format'] !== FORMAT || domains === undefined || typeof hostname !== 'string')
    return undefined;
  const found = new Map<string, DomainDrift>();
  for (const [uuid, each] of Object.entries(domains)) {
    const domain = domainOf(each);
    if (domain !== undefined) found.set(uuid, domain);
  }
  return { hostname, domains: found };
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
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
