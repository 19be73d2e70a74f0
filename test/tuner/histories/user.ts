import { isLocalUri } from '../../../cli/local-uri.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import { basisOf } from '../../../tuner/apply/basis.ts';
import { transactionsOf } from '../../../tuner/apply/parts.ts';
import type { RunOptions } from '../../../tuner/apply/run.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { readDomains } from '../../../tuner/facts/read-domains.ts';
import { readHost } from '../../../tuner/facts/read-host.ts';
import { openStateFolder } from '../../../tuner/journal/folder.ts';
import { newTransactionId } from '../../../tuner/journal/journal.ts';
import { listTransactions, type TransactionRecord } from '../../../tuner/journal/list.ts';
import { makePlan } from '../../../tuner/plan/make-plan.ts';
import { allSteps, type Plan } from '../../../tuner/plan/plan.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import type { RestartLimits } from '../../../tuner/steps/step-host.ts';

/** What a plan is made for. */
export interface Wanted {
  readonly picks: readonly { readonly name: string; readonly profile: string }[];
  readonly restart: boolean;
  readonly together: boolean;
}

export interface Planned {
  readonly plan: Plan;
  readonly transactions: readonly Transaction[];
  /** What stands in the way; empty where it may be applied. */
  readonly refusals: readonly string[];
}

const library = ProfileLibrary.open([]);

/** One who tunes a host, with a state folder apart from those of the others. */
export class User {
  readonly uri: string;
  readonly stateDir: string;
  readonly #restart: RestartLimits;
  readonly #allowedRatio: number | undefined;

  /** `allowedRatio`: as --allow-ratio; a machine with two CPUs refuses most plans without it. */
  constructor(uri: string, stateDir: string, restart: RestartLimits, allowedRatio?: number) {
    this.uri = uri;
    this.stateDir = stateDir;
    this.#restart = restart;
    this.#allowedRatio = allowedRatio;
  }

  options(more: Partial<RunOptions> = {}): RunOptions {
    return runOptionsFor(this.uri, this.stateDir, this.#restart, more);
  }

  /** As `plan` and `apply` make it. */
  async plan({ picks, restart, together }: Wanted): Promise<Planned> {
    const { host, domains } = await readAll(this.uri);
    const now = new Date();
    const plan = await makePlan({
      host,
      domains,
      picks: picks.flatMap(({ name, profile }) =>
        domains
          .filter(({ domain }) => domain.name === name)
          .map((state) => ({ state, profile: library.get(profile) })),
      ),
      profileOf: (name) => library.get(name),
      restart,
      allowedRatio: this.#allowedRatio,
      id: newTransactionId(now),
      at: now.toISOString(),
    });
    const options = { command: 'virtune tune apply', together, basis: basisOf(host, domains) };
    return {
      plan,
      refusals: plan.placement.refusals.map(({ guest, code, text }) => `${guest}: ${code} ${text}`),
      transactions: allSteps(plan).length === 0 ? [] : transactionsOf(plan, options),
    };
  }

  /** Newest first. */
  async journals(): Promise<readonly TransactionRecord[]> {
    const { records, damaged } = await listTransactions(await openStateFolder(this.stateDir));
    const [first] = damaged;
    if (first !== undefined) throw first.error;
    return records;
  }
}

/** What every command of a history is run with; also in a process of its own. */
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
