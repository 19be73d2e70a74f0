import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../../libvirt/client/connect.ts';
import { startDemo } from '../../../simulator/demo.ts';
import type { ScenarioInput } from '../../../simulator/scenario.ts';
import type { DomainState, HostFacts } from '../../../tuner/facts/facts.ts';
import { readDomains } from '../../../tuner/facts/read-domains.ts';
import { readHost } from '../../../tuner/facts/read-host.ts';
import { makePlan } from '../../../tuner/plan/make-plan.ts';
import type { Plan } from '../../../tuner/plan/plan.ts';
import type { PlanInput } from '../../../tuner/plan/plan-input.ts';
import type { Profile } from '../../../tuner/profile/profile.ts';

export interface ReadHost {
  readonly host: HostFacts;
  readonly domains: readonly DomainState[];
}

/** A simulated host as virtune reads it over the wire: by the name of its scenario, or by its input. */
export async function readScenario(scenario: string | ScenarioInput): Promise<ReadHost> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-plan-'));
  const path = join(folder, 'scenario.json');
  if (typeof scenario !== 'string') writeFileSync(path, JSON.stringify(scenario));
  const demo = await startDemo({ scenario: typeof scenario === 'string' ? scenario : path });
  try {
    const connection = await connect(demo.uri, { readOnly: true });
    try {
      const host = await readHost(connection, demo.uri, undefined);
      return { host, domains: await readDomains(connection) };
    } finally {
      await connection.close();
    }
  } finally {
    await demo.stop();
    rmSync(folder, { recursive: true });
  }
}

/** The plan for these domains of a host. */
export function planOn(
  { host, domains }: ReadHost,
  profiles: Readonly<Record<string, Profile>>,
  more: Partial<PlanInput> = {},
): Promise<Plan> {
  return makePlan({
    host,
    domains,
    picks: domains.flatMap((state) => {
      const profile = profiles[state.domain.name];
      return profile === undefined ? [] : [{ state, profile }];
    }),
    profileOf: () => undefined,
    id: 'T1',
    at: '2026-01-01T00:00:00Z',
    ...more,
  });
}

/** The value of a setting that a plan wants for a domain, by target; `not here` where it is not possible. */
export function wantedOf(plan: Plan, name: string, setting: string): Record<string, string | undefined> {
  const rows = plan.domains.find(({ state }) => state.domain.name === name)?.rows ?? [];
  return Object.fromEntries(
    rows
      .filter(({ wish }) => wish.setting.id === setting)
      .map(({ wish, verdict }) => [
        wish.target,
        verdict.kind === 'impossible' ? `not here: ${verdict.problem.code}` : wish.value,
      ]),
  );
}
