import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { recoverHost } from '../../../tuner/apply/recover.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { newTransactionId } from '../../../tuner/journal/journal.ts';
import type { Step, StepDomain } from '../../../tuner/steps/step.ts';
import { killStride } from '../kill-stride.ts';
import { ALL_POINTS_MS, stateDir, transactions } from './fixtures.ts';
import { applyAndKill } from './kill.ts';

let demo: Demo;
let connection: Connection;
let domain: StepDomain & { readonly id: number };
let hostname: string;
beforeAll(async () => {
  demo = await startDemo({ scenario: 'calm' });
  connection = await connect(demo.uri, { readOnly: false });
  const { domains } = await connection.call('connectListAllDomains', { needResults: 1, flags: 1 });
  const [first] = domains;
  if (first === undefined) throw new Error('the simulated host runs no domain');
  domain = first;
  ({ hostname } = await connection.call('connectGetHostname', undefined));
});
afterAll(async () => {
  await connection.close();
  await demo.stop();
});

const xmlOf = async (flags: number): Promise<string> =>
  (await connection.call('domainGetXmlDesc', { domain, flags })).xml;
const inactive = (): Promise<string> => xmlOf(3);

/** The domain's state as others see it. */
async function picture(): Promise<unknown> {
  const { params } = await connection.call('domainGetSchedulerParametersFlags', {
    domain,
    nparams: 16,
    flags: 1,
  });
  return {
    shares: params.find(({ field }) => field === 'cpu_shares')?.value,
    xml: await inactive(),
  };
}

/** Each point runs a separate process. */
const EVERY = killStride(3);

async function planned(): Promise<Transaction> {
  const before = await inactive();
  const { uuid, name } = domain;
  const of = { uuid, name };
  const steps: Step[] = [
    { kind: 'scheduler', domain: of, to: [{ field: 'cpu_shares', type: ParamType.ullong, value: '4000' }] },
    {
      kind: 'definition',
      domain: of,
      to: before
        .replace(/<cputune>[\s\S]*<\/cputune>\s*/, '')
        .replace('</vcpu>', '</vcpu>\n  <cputune>\n    <shares>4000</shares>\n  </cputune>'),
    },
  ];
  return {
    id: newTransactionId(new Date()),
    uri: demo.uri,
    hostname,
    command: 'test',
    domains: [{ domain: of, profile: 'test', live: await xmlOf(1), inactive: before }],
    steps,
    notes: [],
  };
}

test(
  'a process that is killed at any point of an apply holds no lock, and recover undoes what it did',
  async () => {
    const before = await picture();
    const points: string[] = [];
    for (let killAt = 0; ; killAt += EVERY) {
      const point = await applyAndKill(stateDir(), await planned(), killAt);
      if (point === 'committed' || point === 'after journal committed') break;
      points.push(point);
      const outcomes = await recoverHost(hostname, {
        stateDir: stateDir(),
        open: (uri) => connect(uri, { readOnly: false }),
        local: () => undefined,
        version: 'test',
        command: 'test',
        restart: { shutdownMs: 1_000, settleMs: 10, forceOff: true },
        waitMs: 0,
        reconnectMs: 1_000,
        now: () => new Date(),
        how: 'undo',
        force: false,
      });
      if (outcomes.length > 0) expect(outcomes, point).toMatchObject([{ kind: 'undone', remains: [] }]);
      expect(await picture(), point).toEqual(before);
      rmSync(join(stateDir(), 'transactions'), { recursive: true, force: true });
    }
    expect(points.length).toBeGreaterThan(30 / EVERY);
    expect((await transactions())[0]?.progress.status).toBe('committed');
  },
  ALL_POINTS_MS,
);
