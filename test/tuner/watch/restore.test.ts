import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { ErrorCode, Impact } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import type { TransactionOutcome } from '../../../tuner/apply/transaction.ts';
import type { TunerConnection } from '../../../tuner/connection.ts';
import { planTuned, type Tuned } from '../../../tuner/drift/plan-tuned.ts';
import { openStateFolder } from '../../../tuner/journal/folder.ts';
import { Journal } from '../../../tuner/journal/journal.ts';
import { lastCommitted, listTransactions, type TransactionRecord } from '../../../tuner/journal/list.ts';
import { Pauses } from '../../../tuner/watch/pauses.ts';
import { restoreLost } from '../../../tuner/watch/restore.ts';
import { OnSimulator } from '../on-simulator.ts';

const VM = {
  workload: 'oltp',
  disks: [{ target: 'vda', sizeGiB: 50, format: 'raw' }],
  vcpus: 2,
  memoryMiB: 2_048,
};
const HOST = {
  name: 'watched',
  description: 'two cells, two VMs',
  host: { sockets: 2, coresPerSocket: 8, memoryGiB: 64 },
  vms: [
    { ...VM, name: 'bad' },
    { ...VM, name: 'good' },
  ],
};
/** vCPUs pinned to one cell, and nothing else. */
const PINNED = {
  title: 'Pinned',
  knobs: { 'cpu.pinning': { value: 'cell', why: 'a test wants it', source: 'judgement' } },
};

let host: OnSimulator;
let clock: { nowMs: number };
let pauses: Pauses;
beforeEach(async () => {
  host = await OnSimulator.start(HOST, { profiles: { pinned: PINNED } });
  clock = { nowMs: 0 };
  pauses = new Pauses({ firstMs: 2_000, mostMs: 300_000, nowMs: () => clock.nowMs });
  for (const name of ['bad', 'good']) {
    expect(await host.apply(await host.plan(name, 'pinned', false))).toMatchObject({ kind: 'committed' });
    await losePin(name);
  }
});
afterEach(() => host.stop());

/** Moves its first vCPU to the last CPU while it runs, as a migration changes pins. */
async function losePin(name: string): Promise<void> {
  const writer = await connect(host.demo.uri, { readOnly: false });
  const { domain } = host.demo.daemon.vm(name);
  await writer.call('domainPinVcpuFlags', {
    domain,
    vcpu: 0,
    map: Uint8Array.of(1, 0, 0, 0),
    flags: Impact.live,
  });
  await writer.close();
}

/** Connections on which pinning this VM is refused. */
async function refusing(name: string): Promise<TunerConnection> {
  const connection = await connect(host.demo.uri, { readOnly: false });
  const call: TunerConnection['call'] = async (call, args, options) => {
    const { domain } = (args ?? {}) as { readonly domain?: { readonly name: string } };
    if (call === 'domainPinVcpuFlags' && domain?.name === name)
      throw new RemoteError(call, ErrorCode.operationFailed, 0, 'QEMU does not answer');
    return connection.call(call, args, options);
  };
  return {
    get closed() {
      return connection.closed;
    },
    close: () => connection.close(),
    call,
  };
}

async function tuned(): Promise<Tuned> {
  const { host: facts, domains } = await host.read();
  const profileOf = (name: string) => host.library.get(name);
  return planTuned({ host: facts, domains, meant: domains, profileOf, now: new Date() });
}

interface Looked {
  readonly outcomes: readonly TransactionOutcome['kind'][];
  readonly refused: readonly string[];
  readonly nextMs: number | undefined;
}

async function look(from?: Tuned, open = host.options().open): Promise<Looked> {
  const outcomes: TransactionOutcome['kind'][] = [];
  const refused: string[] = [];
  const nextMs = await restoreLost(from ?? (await tuned()), pauses, {
    ...host.options(),
    command: 'virtune tune watch',
    open,
    onBegin: () => undefined,
    onOutcome: ({ kind }) => outcomes.push(kind),
    onRefused: ({ state }) => refused.push(state.domain.name),
  });
  return { outcomes, refused, nextMs };
}

async function restores(name: string): Promise<TransactionRecord[]> {
  const { records } = await listTransactions(await openStateFolder(host.options().stateDir));
  return records.filter(
    ({ header }) => header.kind === 'restore' && header.domains.some(({ domain }) => domain.name === name),
  );
}

const isLost = async (name: string): Promise<boolean> =>
  (await tuned()).domains.some(
    ({ state, rows }) => state.domain.name === name && rows.some(({ verdict }) => verdict.kind === 'live'),
  );

test('a VM that cannot be restored keeps no other from it, and has to wait for its next try', async () => {
  const open = () => refusing('bad');
  expect(await look(undefined, open)).toEqual({
    outcomes: ['undone', 'committed'],
    refused: [],
    nextMs: 2_000,
  });
  expect([await isLost('bad'), await isLost('good')]).toEqual([true, false]);
  // The events of its calls arrive now.
  expect(await look(undefined, open)).toEqual({ outcomes: [], refused: [], nextMs: 2_000 });
  clock.nowMs += 2_000;
  expect(await look(undefined, open)).toEqual({ outcomes: ['undone'], refused: [], nextMs: 4_000 });
  expect([(await restores('bad')).length, (await restores('good')).length]).toEqual([2, 1]);
  clock.nowMs += 4_000;
  expect(await look()).toEqual({ outcomes: ['committed'], refused: [], nextMs: undefined });
  expect(await isLost('bad')).toBe(false);
});

test('a VM whose pin something else moves each time is restored a few times in the first minute, not at each event', async () => {
  for (let second = 0; second < 60; second += 2, clock.nowMs += 2_000) {
    await look();
    await losePin('bad');
  }
  expect((await restores('bad')).length).toBeLessThanOrEqual(5);
  expect(await restores('good')).toHaveLength(1);
});

test('a VM that was changed after it was looked at is not touched, and the others are restored', async () => {
  const seen = await tuned();
  await losePin('bad');
  const vm = host.demo.daemon.vm('bad');
  const changed = host.definition('bad').replace('</name>', '</name><title>renamed</title>');
  const writer = await connect(host.demo.uri, { readOnly: false });
  await writer.call('domainDefineXmlFlags', { xml: changed, flags: 0 });
  await writer.close();
  expect(vm.definition).toBeDefined();
  expect(await look(seen)).toMatchObject({ outcomes: ['committed'], refused: ['bad'] });
  expect([await restores('bad'), (await restores('good')).length]).toEqual([[], 1]);
});

test('what was restored is not the last change: rollback takes that one back', async () => {
  await look();
  const folder = await openStateFolder(host.options().stateDir);
  const last = await lastCommitted(folder, host.demo.uri);
  expect(last.header).toMatchObject({ domains: [{ domain: { name: 'good' } }] });
  expect(last.header.kind).toBeUndefined();
  expect(await host.rollback(last.id, false)).toMatchObject({ kind: 'rolled back' });
  expect(await look()).toMatchObject({ outcomes: [] });
});

test('an interrupted transaction holds up all VMs, with what to do', async () => {
  const folder = await openStateFolder(host.options().stateDir);
  const { records } = await listTransactions(folder);
  const header = { ...(records[0] as TransactionRecord).header, id: '20260131T101112Z-000000' };
  const options = { now: () => new Date(), trace: () => undefined, onEvent: () => undefined };
  await (await Journal.create(folder, header, options)).close();
  await expect(look()).rejects.toMatchObject({ code: 'TUNE_INTERRUPTED' });
});
