import { type Command, InvalidArgumentError } from 'commander';
import { CpuSet, CpuSetError } from '../../model/cpu-set.ts';
import { TunerError } from '../../tuner/errors.ts';
import type { DomainState, HostFacts } from '../../tuner/facts/facts.ts';
import { isPreallocated, probeDirectIo, probeHugetlbfs } from '../../tuner/facts/probes.ts';
import { newTransactionId } from '../../tuner/journal/journal.ts';
import { makePlan } from '../../tuner/plan/make-plan.ts';
import type { Plan } from '../../tuner/plan/plan.ts';
import type { Pick } from '../../tuner/plan/plan-input.ts';
import type { Probes } from '../../tuner/plan/preconditions.ts';
import { readAssignments } from '../../tuner/profile/assignments.ts';
import type { ProfileLibrary } from '../../tuner/profile/library.ts';
import { isHandTuned, names, pickByFile, pickDomains } from '../../tuner/profile/pick.ts';
import type { Profile } from '../../tuner/profile/profile.ts';
import { checkReservations, type ReservedPages } from '../../tuner/profile/reservations.ts';
import { findSetting } from '../../tuner/settings/all.ts';
import type { TuneFlags } from './options.ts';
import type { Session } from './session.ts';

/** Selects domains and the profiles to apply to them. */
export interface PlanFlags extends TuneFlags {
  readonly all?: boolean | undefined;
  readonly profile?: string | undefined;
  readonly file?: string | undefined;
  readonly hostCpus?: CpuSet | undefined;
  readonly rebalance?: boolean | undefined;
  readonly allowRatio?: number | undefined;
  readonly adopt?: boolean | undefined;
  readonly restart?: boolean | undefined;
  readonly accept: readonly string[];
  /** With --host (true) also kernel settings; with --no-host (false) no host settings at all. */
  readonly host?: boolean | undefined;
}

export function addPlanOptions(command: Command): Command {
  return command
    .argument('[domain...]', 'names, UUIDs or globs such as "db*"')
    .option('--all', 'all domains of the host')
    .option('-p, --profile <profile>', 'name of a profile, or path of a YAML file')
    .option('-f, --file <file>', 'assignments file: profile of each domain, CPUs reserved for the host')
    .option('--host-cpus <list>', 'CPUs reserved for the host, such as 0-1,16-17', cpus)
    .option('--rebalance', 'place all domains again, ignoring their current placement')
    .option('--allow-ratio <ratio>', 'highest vCPU:pCPU ratio of shared CPUs (default 5)', ratio)
    .option('--host', 'also set CPU governor, idle states and swappiness of the host, until it reboots')
    .option('--adopt', 'with "*" or --all: include VMs that were pinned by hand')
    .option('--restart', 'restart domains to apply boot-time settings now')
    .option('--no-host', 'do not change settings of the host (huge page pools, KSM)')
    .option(
      '--accept <setting...>',
      'apply settings that need guest support, if the guest has it',
      setting,
      [],
    );
}

function cpus(text: string): CpuSet {
  try {
    return CpuSet.parse(text);
  } catch (error) {
    if (error instanceof CpuSetError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

function ratio(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 1 || value > 1_000) {
    throw new InvalidArgumentError('Expected a number of vCPUs per CPU from 1 to 1000.');
  }
  return value;
}

function setting(id: string, before: readonly string[]): string[] {
  if (findSetting(id) === undefined) throw new InvalidArgumentError(`Unknown setting ${JSON.stringify(id)}.`);
  return [...before, id];
}

/** The domains to change and how: all inputs of a plan except the host. */
export interface Choice {
  readonly picks: readonly (Pick & { readonly profileRef: string })[];
  readonly reservedPages: readonly ReservedPages[];
  readonly hostCpus: CpuSet | undefined;
  readonly rebalance: boolean;
  /** vCPUs per CPU that VMs may share; the default when absent. */
  readonly allowedRatio: number | undefined;
  /** Names of domains that match `*` but were skipped, since their pins were set by hand. */
  readonly leftAlone: readonly string[];
  readonly restart: boolean;
  readonly withHost: boolean;
  /** Whether to set the host's governor, idle states and swappiness too. */
  readonly setsKernel: boolean;
  readonly accepted: readonly string[];
}

/** @param id of the resulting transaction; generated when absent */
export function planChoice(
  { host, domains, library }: Session,
  { accepted, ...choice }: Choice,
  at: Date,
  id: string = newTransactionId(at),
): Promise<Plan> {
  return makePlan({
    ...choice,
    host,
    domains,
    profileOf: known(library),
    accepted: new Set(accepted),
    probes: probesOf(host),
    id,
    at: at.toISOString(),
  });
}

/** @throws TunerError for flags, domains, profiles and files that are missing, invalid or cannot be combined */
export async function choose(
  { host, domains, library }: Session,
  patterns: readonly string[],
  flags: PlanFlags,
): Promise<Choice> {
  const { profile, file, all = false } = flags;
  if (all && patterns.length > 0) throw usage('--all and names of domains cannot be combined');
  if (profile !== undefined && file !== undefined) throw usage('--profile and --file cannot be combined');
  const meant = patterns.length === 0 ? domains : pickDomains(domains, patterns);
  const swept = (state: DomainState): boolean =>
    flags.adopt !== true && isHandTuned(state, host) && !patterns.some((pattern) => names(pattern, state));
  const how = {
    reservedPages: [],
    hostCpus: flags.hostCpus,
    rebalance: flags.rebalance === true,
    allowedRatio: flags.allowRatio,
    restart: flags.restart === true,
    withHost: flags.host !== false,
    setsKernel: flags.host === true,
    accepted: flags.accept,
  };
  if (file !== undefined) {
    const assignments = await readAssignments(file);
    checkReservations(file, assignments.reserved, host);
    const found = pickByFile(meant, assignments);
    const left = found.filter(({ state }) => assignments.matchedByCatchAll(state) && swept(state));
    const picks = found
      .filter((pick) => !left.includes(pick))
      .map((pick) => ({ state: pick.state, profile: library.get(pick.profile), profileRef: pick.profile }));
    const { reserved } = assignments;
    return {
      ...how,
      picks,
      leftAlone: left.map(({ state }) => state.domain.name),
      reservedPages: reserved?.pages ?? [],
      hostCpus: flags.hostCpus ?? reserved?.cpus,
      allowedRatio: flags.allowRatio ?? reserved?.allowedRatio,
    };
  }
  if (profile === undefined) throw usage('specify --profile NAME or --file FILE');
  if (patterns.length === 0 && !all) throw usage('specify domains by name or glob, or --all');
  const wanted = await readProfile(library, profile);
  const left = meant.filter(swept);
  return {
    ...how,
    picks: meant
      .filter((state) => !left.includes(state))
      .map((state) => ({ state, profile: wanted, profileRef: profile })),
    leftAlone: left.map(({ domain }) => domain.name),
  };
}

/** By name, or the path of a file. */
export async function readProfile(library: ProfileLibrary, ref: string): Promise<Profile> {
  return isPath(ref) ? library.read(ref) : library.get(ref);
}

const isPath = (profile: string): boolean => /[/.]/.test(profile);
const usage = (message: string): TunerError => new TunerError('TUNE_USAGE', message);

/** Looks up profiles; undefined, rather than an error, for one that has since been deleted or broken. */
export function known(library: ProfileLibrary): (name: string) => Profile | undefined {
  return (name) => {
    try {
      return library.get(name);
    } catch (error) {
      if (error instanceof TunerError) return undefined;
      throw error;
    }
  };
}

function probesOf(host: HostFacts): Probes | undefined {
  if (host.local === undefined) return undefined;
  return {
    directIo: probeDirectIo,
    hugetlbfs: async (sizeKiB) => probeHugetlbfs(host, sizeKiB),
    preallocated: isPreallocated,
  };
}
