import { afterEach, beforeEach, expect } from 'vitest';
import type { TransactionOutcome } from '../../../tuner/apply/transaction.ts';
import { perform } from './job.ts';
import { Abandoned } from './kill.ts';
import { SimulatedHistoryHost } from './simulated.ts';
import type { User, Wanted } from './user.ts';

const VM = {
  vcpus: 2,
  memoryMiB: 2_048,
  disks: [{ target: 'vda', sizeGiB: 5, format: 'raw' }],
  ioThreads: 1,
  state: 'running',
  byHand: 'nothing',
} as const;
const HOST = {
  sockets: 1,
  coresPerSocket: 8,
  threadsPerCore: 1,
  memoryGiB: 64,
  hugepages: { 2048: 0, 1048576: 0 },
};

export type Shape = Parameters<typeof SimulatedHistoryHost.start>[0];

export const shape = (
  more: Partial<Shape['host']> = {},
  vms: readonly Partial<Shape['vms'][number]>[] = [{}, {}, {}],
): Shape => ({
  host: { ...HOST, ...more } as Shape['host'],
  vms: vms.map((vm) => ({ ...VM, disks: [...VM.disks], ...vm })) as unknown as Shape['vms'],
});

export const wanted = (profiles: Readonly<Record<string, string>>, more: Partial<Wanted> = {}): Wanted => ({
  picks: Object.entries(profiles).map(([name, profile]) => ({ name, profile })),
  restart: false,
  together: true,
  ...more,
});

/** A simulated host with three VMs and two users, a new one for each test of a file. */
export class HostOfTwo {
  host!: SimulatedHistoryHost;
  abandoned!: Abandoned;

  constructor(of: Shape = shape()) {
    beforeEach(async () => {
      this.host = await SimulatedHistoryHost.start(of);
      this.abandoned = new Abandoned();
    });
    afterEach(async () => {
      await this.abandoned.end();
      await this.host.stop();
    });
  }

  user(index: number): User {
    return this.host.users[index] as User;
  }

  /** Ids of its transactions, in the order in which they were applied. */
  async apply(by: User, what: Wanted): Promise<string[]> {
    const { transactions, refusals } = await by.plan(what);
    expect(refusals).toEqual([]);
    const outcomes = await perform({ kind: 'apply', transactions }, by.options());
    expect(outcomes.map(({ kind }) => kind)).toEqual(transactions.map(() => 'committed'));
    return transactions.map(({ id }) => id);
  }

  async recover(by: User, how: 'undo' | 'finish' = 'undo'): Promise<TransactionOutcome | undefined> {
    const [outcome] = await perform({ kind: 'recover', hostname: 'simulated-host', how }, by.options());
    return outcome;
  }

  rollback(by: User, id: string | undefined, restarts = false): Promise<TransactionOutcome[]> {
    return perform({ kind: 'rollback', id: id ?? '', restarts }, by.options());
  }
}
