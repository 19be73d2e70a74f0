import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLocalUri } from '../../../cli/local-uri.ts';
import { choose, type PlanFlags, planChoice } from '../../../cli/tune/make-plan.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { RunOptions } from '../../../tuner/apply/host-session.ts';
import { basisOf } from '../../../tuner/apply/plan-basis.ts';
import { transactionsOf } from '../../../tuner/apply/split-plan.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { readDomains } from '../../../tuner/facts/read-domains.ts';
import { readHost } from '../../../tuner/facts/read-host.ts';
import { openStateFolder } from '../../../tuner/journal/folder.ts';
import { listTransactions, type TransactionRecord } from '../../../tuner/journal/list.ts';
import { allSteps, type Plan } from '../../../tuner/plan/plan.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import type { RestartLimits } from '../../../tuner/steps/step-host.ts';

/** The input of a plan. */
export interface Wanted {
  readonly picks: readonly { readonly name: string; readonly profile: string }[];
  readonly restart: boolean;
  readonly together: boolean;
  /** --host-cpus: CPUs that no VM gets; absent: chosen by the placement. */
  readonly hostCpus?: string | undefined;
  /** --allow-ratio. */
  readonly allowRatio?: number | undefined;
  /** --canary and --batch: numbers of VMs. */
  readonly canary?: number | undefined;
  readonly batch?: number | undefined;
}

export interface Planned {
  readonly plan: Plan;
  readonly transactions: readonly Transaction[];
  /** Reasons that block the plan; empty if it may be applied. */
  readonly refusals: readonly string[];
}

/** A user who tunes a host, with a separate state folder. */
export class User {
  readonly uri: string;
  readonly stateDir: string;
  readonly #restart: RestartLimits;
  readonly #profiles: readonly string[];

  /** `profiles`: folders with profiles besides the built-in ones. */
  constructor(uri: string, stateDir: string, restart: RestartLimits, profiles: readonly string[] = []) {
    this.uri = uri;
    this.stateDir = stateDir;
    this.#restart = restart;
    this.#profiles = profiles;
  }

  options(more: Partial<RunOptions> = {}): RunOptions {
    return runOptionsFor(this.uri, this.stateDir, this.#restart, more);
  }

  /** Plans as `plan` and `apply` do: a single profile by --profile, several by an assignments file. */
  async plan(wanted: Wanted): Promise<Planned> {
    const connection = await connect(this.uri, { readOnly: false });
    try {
      const library = await ProfileLibrary.open(this.#profiles);
      const { host, domains } = await readAll(this.uri);
      const basis = basisOf(host, domains);
      const names = wanted.picks.map(({ name }) => name);
      const choice = await choose({ connection, host, domains, library, basis }, names, this.#flags(wanted));
      const plan = await planChoice({ connection, host, domains, library, basis }, choice, new Date());
      const options = { command: 'virtune tune apply', together: wanted.together, basis };
      return {
        plan,
        refusals: plan.placement.refusals.map(({ guest, code, text }) => `${guest}: ${code} ${text}`),
        transactions: allSteps(plan).length === 0 ? [] : transactionsOf(plan, options),
      };
    } finally {
      await connection.close();
    }
  }

  #flags({ picks, restart, hostCpus, allowRatio }: Wanted): PlanFlags {
    const profiles = new Set(picks.map(({ profile }) => profile));
    const [profile] = profiles;
    return {
      connect: this.uri,
      stateDir: this.stateDir,
      profiles: this.#profiles,
      accept: [],
      restart,
      allowRatio,
      ...(hostCpus === undefined ? {} : { hostCpus: CpuSet.parse(hostCpus) }),
      ...(profiles.size === 1 ? { profile } : { file: this.#assignments(picks) }),
    };
  }

  #assignments(picks: Wanted['picks']): string {
    mkdirSync(this.stateDir, { recursive: true });
    const file = join(this.stateDir, 'assignments.yaml');
    const assign = picks.map(({ name, profile }) => ({ domain: name, profile }));
    writeFileSync(file, JSON.stringify({ assign }));
    return file;
  }

  /** Newest first. */
  async journals(): Promise<readonly TransactionRecord[]> {
    const { records, damaged } = await listTransactions(await openStateFolder(this.stateDir));
    const [first] = damaged;
    if (first !== undefined) throw first.error;
    return records;
  }
}

/** Options of every command in a history; also used in a separate process. */
export function runOptionsFor(
  uri: string,
  stateDir: string,
  restart: RestartLimits,
  more: Partial<RunOptions> = {},
): RunOptions {
  return {
    stateDir,
    open: () => connect(uri, { readOnly: false }),
    local: (of) =>
      isLocalUri(of) ? { procRoot: '/proc', sysRoot: '/sys', cgroupRoot: '/sys/fs/cgroup' } : undefined,
    version: 'test',
    command: 'virtune tune',
    restart,
    waitMs: 0,
    reconnectMs: 20,
    now: () => new Date(),
    ...more,
  };
}

/** The host and all of its domains as a plan sees them. */
export async function readAll(
  uri: string,
): Promise<{ readonly host: HostFacts; readonly domains: readonly DomainState[] }> {
  const connection = await connect(uri, { readOnly: false });
  try {
    const { local } = runOptionsFor(uri, '', { shutdownMs: 0, settleMs: 0, forceOff: false });
    return { host: await readHost(connection, uri, local(uri)), domains: await readDomains(connection) };
  } finally {
    await connection.close();
  }
}
