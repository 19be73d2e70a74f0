import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { ParamType } from '../../../libvirt/typed-params.ts';
import type { HeldHost, RunOptions } from '../../../tuner/apply/host-session.ts';
import type { RecoverOptions } from '../../../tuner/apply/recover.ts';
import type { RollbackOptions } from '../../../tuner/apply/rollback.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';
import { openStateFolder, type StateFolder } from '../../../tuner/journal/folder.ts';
import { newTransactionId } from '../../../tuner/journal/journal.ts';
import { listTransactions, type TransactionRecord } from '../../../tuner/journal/list.ts';
import { NO_LEASE } from '../../../tuner/lock/held-lease.ts';
import type { Step, StepDomain } from '../../../tuner/steps/step.ts';
import { type FakeDomain, type FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';

export const UUIDS = [
  '11111111-2222-4333-8444-555555555555',
  '22222222-2222-4333-8444-555555555555',
] as const;

/** Long enough for a test that runs an apply and its recovery for each of its points. */
export const ALL_POINTS_MS = 240_000;

/** UUID of a domain with a short name; always the same. */
export const uuidOf = (name: string): string => `11111111-2222-4333-8444-${name.padStart(12, '0')}`;
export const domainOf = (name: string): StepDomain => ({ name, uuid: uuidOf(name) });

/** XML that pins vCPU 0 to CPU 2 and vCPU 1 to CPU 3. */
export const PINS_ON_2_3 = "<cputune><vcpupin vcpu='0' cpuset='2'/><vcpupin vcpu='1' cpuset='3'/></cputune>";
/** XML that hints to a guest that nothing else uses its CPUs. */
export const DEDICATED_HINT = "<features><kvm><hint-dedicated state='on'/></kvm></features>";

/** A definition with more XML before its devices. */
export const withXml = (definition: string | undefined, more: string): string =>
  (definition ?? '').replace('<devices>', `${more}<devices>`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-apply-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

export const stateDir = (): string => folder;
export const stateFolder = (): Promise<StateFolder> => openStateFolder(folder);

/** A host lock without a lease, for a run whose libvirt has no lock. */
export const held = async (): Promise<HeldHost> => ({ folder: await stateFolder(), lease: NO_LEASE });

export function options(libvirt: FakeLibvirt, more: Partial<RunOptions> = {}): RunOptions {
  return {
    stateDir: folder,
    open: () => libvirt.connect(),
    local: () => undefined,
    version: '1.2.3',
    command: 'virtune tune apply db01',
    restart: { shutdownMs: 20, settleMs: 1, forceOff: false },
    waitMs: 0,
    reconnectMs: 20,
    now: () => new Date(),
    ...more,
  };
}

export function recovery(libvirt: FakeLibvirt, more: Partial<RecoverOptions> = {}): RecoverOptions {
  return { ...options(libvirt), command: 'virtune tune recover', how: 'undo', force: false, ...more };
}

export function takingBack(libvirt: FakeLibvirt, more: Partial<RollbackOptions> = {}): RollbackOptions {
  return { ...options(libvirt), command: 'virtune tune rollback', restarts: false, force: false, ...more };
}

/** A transaction as its plan would create it, from the current state of each domain. */
export function transaction(domains: readonly FakeDomain[], steps: readonly Step[]): Transaction {
  return {
    id: newTransactionId(new Date()),
    uri: 'qemu:///system',
    hostname: HOSTNAME,
    command: 'virtune tune apply db01',
    domains: domains.map(({ uuid, name, run, definition }) => ({
      domain: { uuid, name },
      profile: 'oltp-database',
      live: run?.xml,
      inactive: definition,
    })),
    steps,
    notes: [],
  };
}

export const pin = ({ uuid, name }: FakeDomain, vcpu: number, to: string): Step => ({
  kind: 'vcpuPin',
  domain: { uuid, name },
  vcpu,
  to,
});

export const shares = ({ uuid, name }: FakeDomain, to: number): Step => ({
  kind: 'scheduler',
  domain: { uuid, name },
  to: [{ field: 'cpu_shares', type: ParamType.ullong, value: String(to) }],
});

/** A step that puts CPU shares into its definition. */
export const define = ({ uuid, name, definition }: FakeDomain, to: number): Step => ({
  kind: 'definition',
  domain: { uuid, name },
  to: (definition ?? '').replace(
    '<devices>',
    `<cputune>\n    <shares>${to}</shares>\n    <vcpupin vcpu='0' cpuset='2'/>\n  </cputune>\n  <devices>`,
  ),
});

export const restart = ({ uuid, name }: FakeDomain): Step => ({
  kind: 'restart',
  domain: { uuid, name },
  to: 'restarted',
});

export const pages = (to: number): Step => ({ kind: 'hostPages', cell: 0, sizeKiB: 2048, to });

/** Everything on a host that steps can change, except ids, which every start renews. */
export function picture({ domains, pages: count }: FakeLibvirt): unknown {
  return {
    pages: count,
    domains: domains.map(({ name, definition, run }) => ({
      name,
      definition,
      run: run && { xml: run.xml, paused: run.paused, pins: [...run.pins], shares: run.shares },
    })),
  };
}

export async function transactions(): Promise<readonly TransactionRecord[]> {
  return (await listTransactions(await stateFolder())).records;
}
