import { z } from 'zod';
import { secondsSchema } from '../../model/duration-schema.ts';
import { matchesGlob } from '../../model/glob.ts';
import { sizeSchema } from '../../model/size-schema.ts';
import { DEFAULT_LIMITS, type FleetLimits, type FleetVm } from './fleet.ts';

/** `10%` or 0.1, below 1. Yields a share. */
const shareSchema = z.union([z.number(), z.string()]).transform((given, context): number => {
  const share =
    typeof given === 'number'
      ? given
      : /^\d+(\.\d+)?\s*%$/.test(given)
        ? Number.parseFloat(given) / 100
        : Number.NaN;
  if (share >= 0 && share < 1) return share;
  context.addIssue({ code: 'custom', message: 'expected a share such as 10% or 0.1, below 100%' });
  return z.NEVER;
});

const names = z.array(z.string().min(1));
/** VMs by name, glob or UUID, or all VMs that have the same value of a label. */
const group = z.union([z.strictObject({ vms: names }), z.strictObject({ label: z.string().min(1) })]);

/** The YAML file of `--constraints`. */
export const constraintsSchema = z.strictObject({
  limits: z
    .strictObject({
      contention: shareSchema.optional(),
      memory: shareSchema.optional(),
      memory_overcommit: z.number().positive().optional(),
    })
    .optional(),
  headroom: z.strictObject({ cpu: shareSchema.optional(), memory: shareSchema.optional() }).optional(),
  /** Bytes per second of one live migration. */
  bandwidth: sizeSchema.optional(),
  /** Time within which a move must pay off, in seconds. */
  horizon: secondsSchema({ minSeconds: 3_600, maxSeconds: 90 * 86_400, needsUnit: true }).optional(),
  stay: names.optional(),
  closed: names.optional(),
  affinity: z.array(group).optional(),
  anti_affinity: z.array(group).optional(),
  shared_storage: names.optional(),
  cpu_compatible: z.array(names).optional(),
  uri: z
    .string()
    .includes('{host}', { error: 'expected a URI with {host}, such as qemu+ssh://{host}/system' })
    .optional(),
});

export type ConstraintsFile = z.output<typeof constraintsSchema>;

/** VMs that belong on one host, or on different ones. */
export interface Group {
  readonly kind: 'affinity' | 'anti-affinity';
  /** For messages: `anti-affinity "db*"`. */
  readonly name: string;
}

export interface Constraints {
  readonly limits: FleetLimits;
  /** Bytes per second of one live migration. */
  readonly bandwidth: number;
  readonly horizonSeconds: number;
  /** Names of CPU models whose hosts accept each other's guests. */
  readonly cpuCompatible: readonly (readonly string[])[];
  /** Whether the user wants this VM to stay. */
  readonly isToStay: (vm: FleetVm) => boolean;
  /** Hosts that receive no VMs, by `instance` or host name. */
  readonly isClosed: (instance: string) => boolean;
  readonly groupsOf: (vm: FleetVm) => readonly Group[];
  /** Labels that groups are made from. */
  readonly labels: ReadonlySet<string>;
}

/** 10 Gbit/s, less the overhead of TCP, TLS and a single QEMU thread. */
const BANDWIDTH = 800 * 1024 * 1024;
const HORIZON_SECONDS = 86_400;
/** Labels of `libvirt_domain_metadata_info` that define groups without a file. */
const LABELS = { affinity: 'affinity', 'anti-affinity': 'anti_affinity' } as const;

/**
 * Constraints from a file and from metadata.
 * @param headroom CPUs and memory that stay free on targets, as a share; overrides the file
 */
export function constraintsOf(file: ConstraintsFile, headroom?: number): Constraints {
  const limits: FleetLimits = {
    contention: file.limits?.contention ?? DEFAULT_LIMITS.contention,
    memory: file.limits?.memory ?? DEFAULT_LIMITS.memory,
    memoryOvercommit: file.limits?.memory_overcommit ?? DEFAULT_LIMITS.memoryOvercommit,
    cpuHeadroom: headroom ?? file.headroom?.cpu ?? DEFAULT_LIMITS.cpuHeadroom,
    memoryHeadroom: headroom ?? file.headroom?.memory ?? DEFAULT_LIMITS.memoryHeadroom,
  };
  const rules = [
    ...(file.affinity ?? []).map((members) => ({ kind: 'affinity' as const, members })),
    ...(file.anti_affinity ?? []).map((members) => ({ kind: 'anti-affinity' as const, members })),
    { kind: 'affinity' as const, members: { label: LABELS.affinity } },
    { kind: 'anti-affinity' as const, members: { label: LABELS['anti-affinity'] } },
  ];
  const stay = file.stay ?? [];
  const closed = file.closed ?? [];
  return {
    labels: new Set(rules.flatMap(({ members }) => ('label' in members ? [members.label] : []))),
    // A target may be filled up to its headroom, so that must not exceed the limit.
    limits: { ...limits, memory: Math.max(limits.memory, 1 - limits.memoryHeadroom) },
    bandwidth: file.bandwidth ?? BANDWIDTH,
    horizonSeconds: file.horizon ?? HORIZON_SECONDS,
    cpuCompatible: file.cpu_compatible ?? [],
    isToStay: (vm) => stay.some((pattern) => isMeant(pattern, vm)),
    isClosed: (instance) =>
      closed.some((pattern) => matchesGlob(pattern, instance) || pattern === hostOf(instance)),
    groupsOf: (vm) =>
      rules.flatMap(({ kind, members }): Group[] => {
        if ('vms' in members) {
          return members.vms.some((pattern) => isMeant(pattern, vm))
            ? [{ kind, name: members.vms.join(', ') }]
            : [];
        }
        const value = vm.labels.get(members.label);
        return value === undefined || value === '' ? [] : [{ kind, name: `${members.label}=${value}` }];
      }),
  };
}

const isMeant = (pattern: string, { name, uuid }: FleetVm): boolean =>
  pattern === name || pattern === uuid || matchesGlob(pattern, name);

/** The host in `instance`, without the exporter's port: `kvm1:9177` is kvm1, `[2001:db8::1]:9177` is 2001:db8::1. */
export function hostOf(instance: string): string {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(instance);
  return match?.[1] ?? match?.[2] ?? instance;
}
