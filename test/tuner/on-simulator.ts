import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../libvirt/client/connect.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import type { ReleaseName } from '../../simulator/release.ts';
import { applyTransaction } from '../../tuner/apply/apply.ts';
import type { RunOptions } from '../../tuner/apply/host-session.ts';
import { rollbackTransaction } from '../../tuner/apply/rollback.ts';
import type { TransactionOutcome } from '../../tuner/apply/transaction.ts';
import type { DomainState, HostFacts } from '../../tuner/facts/facts.ts';
import { readDomains } from '../../tuner/facts/read-domains.ts';
import { readHost } from '../../tuner/facts/read-host.ts';
import { newTransactionId } from '../../tuner/journal/journal.ts';
import { makePlan } from '../../tuner/plan/make-plan.ts';
import { allSteps, type Plan } from '../../tuner/plan/plan.ts';
import { ProfileLibrary } from '../../tuner/profile/library.ts';

/** A simulated host that is tuned in this process, with a temporary journal. */
export class OnSimulator {
  readonly demo: Pick<Demo, 'uri' | 'daemon'>;
  readonly #stopDemo: () => Promise<void>;
  readonly folder: string;
  readonly library: ProfileLibrary;

  /** `profiles`: profiles besides the built-in ones, by name, as in their files. */
  static async start(
    scenario: object | string,
    {
      libvirt,
      profiles = {},
    }: { readonly libvirt?: ReleaseName; readonly profiles?: Readonly<Record<string, object>> } = {},
  ): Promise<OnSimulator> {
    const folder = mkdtempSync(join(tmpdir(), 'virtune-simulated-'));
    const file = join(folder, 'scenario.json');
    if (typeof scenario === 'object') writeFileSync(file, JSON.stringify(scenario));
    const own = join(folder, 'profiles');
    mkdirSync(own);
    for (const [name, profile] of Object.entries(profiles))
      writeFileSync(join(own, `${name}.yaml`), JSON.stringify(profile));
    const demo = await startDemo({ scenario: typeof scenario === 'string' ? scenario : file, libvirt });
    return new OnSimulator(demo, folder, await ProfileLibrary.open([own]), () => demo.stop());
  }

  /** Uses a simulated host that another part of the test started, and stops. */
  static async on(demo: Pick<Demo, 'uri' | 'daemon'>): Promise<OnSimulator> {
    const folder = mkdtempSync(join(tmpdir(), 'virtune-simulated-'));
    return new OnSimulator(demo, folder, await ProfileLibrary.open([]), () => Promise.resolve());
  }

  private constructor(
    demo: Pick<Demo, 'uri' | 'daemon'>,
    folder: string,
    library: ProfileLibrary,
    stopDemo: () => Promise<void>,
  ) {
    this.demo = demo;
    this.#stopDemo = stopDemo;
    this.folder = folder;
    this.library = library;
  }

  async stop(): Promise<void> {
    await this.#stopDemo();
    this.removeFolder();
  }

  removeFolder(): void {
    rmSync(this.folder, { recursive: true });
  }

  async read(): Promise<{ readonly host: HostFacts; readonly domains: readonly DomainState[] }> {
    const connection = await connect(this.demo.uri, { readOnly: false });
    try {
      return {
        host: await readHost(connection, this.demo.uri, undefined),
        domains: await readDomains(connection),
      };
    } finally {
      await connection.close();
    }
  }

  async plan(name: string, profile: string, restart = true): Promise<Plan> {
    const { host, domains } = await this.read();
    const now = new Date();
    return makePlan({
      host,
      domains,
      picks: domains
        .filter(({ domain }) => domain.name === name)
        .map((state) => ({ state, profile: this.library.get(profile) })),
      profileOf: (other) => this.library.get(other),
      restart,
      id: newTransactionId(now),
      at: now.toISOString(),
    });
  }

  apply(plan: Plan): Promise<TransactionOutcome> {
    return applyTransaction(
      {
        id: plan.id,
        uri: plan.host.uri,
        hostname: plan.host.hostname,
        command: 'virtune tune apply',
        domains: plan.domains.map(({ state, profile }) => ({
          domain: { uuid: state.domain.uuid, name: state.domain.name },
          profile: profile.name,
          live: state.live?.xml,
          inactive: state.inactive?.xml,
        })),
        steps: allSteps(plan),
        notes: [],
      },
      this.options(),
    );
  }

  rollback(id: string, restarts = true): Promise<TransactionOutcome> {
    return rollbackTransaction(id, { ...this.options(), restarts, force: false });
  }

  options(): RunOptions {
    return {
      stateDir: join(this.folder, 'state'),
      open: () => connect(this.demo.uri, { readOnly: false }),
      local: () => undefined,
      version: '1.2.3',
      command: 'virtune tune apply',
      restart: { shutdownMs: 30_000, settleMs: 1, forceOff: false },
      waitMs: 0,
      reconnectMs: 20,
      now: () => new Date(),
    };
  }

  definition(name: string): string {
    return this.demo.daemon.vm(name).xml({ inactive: true, secure: true });
  }
}
