import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { runVirtune, VirtuneProcess } from '../virtune-process.ts';
import { bareName, qemuPid } from './lab/guests.ts';
import { sleep, until } from './lab/run.ts';

/** A hang that another client's call hides: NOWAIT calls return at once, without QEMU's figures. */
const HUNG = bareName(7);
const SIX = [7, 8, 9, 10, 11, 12].map(bareName);
/** Counted from the moment that a hang can be detected. */
const FOUND_WITHIN_MS = 15_000;
const SCRAPE_TIMEOUT_MS = 10_000;

let virtune: VirtuneProcess;
const others: ChildProcess[] = [];
const started: VirtuneProcess[] = [];

beforeAll(async () => {
  virtune = await exporter();
  await virtune.scrape();
});
afterEach(async () => {
  for (const name of SIX) process.kill(qemuPid(name), 'SIGCONT');
  for (const child of others.splice(0)) child.kill();
  await until('all VMs to be back', 40_000, async () => {
    const series = await virtune.scrape();
    return outcomes(series, 'unresponsive').length + outcomes(series, 'late').length === 0;
  });
});
afterAll(async () => {
  for (const each of started) await each.stop();
});

async function exporter(...flags: string[]): Promise<VirtuneProcess> {
  const process = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', ...flags);
  started.push(process);
  return process;
}

const outcomes = (series: readonly Series[], outcome: string): string[] =>
  find(series, 'virtune_domain_outcome', { outcome }).map((each) => each.labels['domain'] as string);

/** Another client whose call waits for the VM's QEMU, and holds the VM's job until then. */
function holdJob(name: string): void {
  others.push(spawn('virsh', ['domstats', name], { stdio: 'ignore' }));
}

async function stopBehindJob(names: readonly string[], clients = 1): Promise<number> {
  const atMs = Date.now();
  for (const name of names) process.kill(qemuPid(name), 'SIGSTOP');
  for (let i = 0; i < clients; i++) for (const name of names) holdJob(name);
  await sleep(500);
  return atMs;
}

/** What `virtune top --once --json` reports about a VM. */
async function top(name: string): Promise<{ state: string; findings: { kind: string }[] } | undefined> {
  const { stdout } = await runVirtune('top', '--no-config', '--once', '--json');
  const seen = JSON.parse(stdout) as { vms: { name: string; state: string; findings: { kind: string }[] }[] };
  return seen.vms.find((vm) => vm.name === name);
}

test('a VM whose QEMU hangs behind the job of another client is unresponsive in exporter and top, for clients that start later too', async () => {
  const atMs = await stopBehindJob([HUNG]);
  await until('the hang to be found', FOUND_WITHIN_MS, async () => {
    const series = await virtune.scrape();
    return outcomes(series, 'unresponsive').includes(HUNG) ? series : undefined;
  });
  const later = await exporter('--no-collect.job');
  const series = await later.scrape();
  expect(outcomes(series, 'unresponsive')).toEqual([HUNG]);
  const since = figure(series, 'virtune_domain_unresponsive_since_timestamp_seconds', { domain: HUNG });
  // The hang began before this client was started.
  expect(Math.abs((since ?? 0) * 1_000 - atMs)).toBeLessThan(3_000);
  expect(figure(series, 'libvirt_domain_control_state', { domain: HUNG, state: 'occupied' })).toBe(1);
  expect(await top(HUNG)).toMatchObject({ state: 'stuck', findings: [{ kind: 'vm-unresponsive' }] });
  process.kill(qemuPid(HUNG), 'SIGCONT');
  await until('the VM to be back', FOUND_WITHIN_MS, async () =>
    outcomes(await later.scrape(), 'fresh').includes(HUNG),
  );
}, 90_000);

test('with six hung VMs and two dozen calls of others that hold every worker of libvirtd, only the six are unresponsive', async () => {
  const later = await exporter();
  await later.scrape();
  await stopBehindJob(SIX, 4);
  for (let i = 0; i < 5; i++) {
    const startedMs = performance.now();
    const series = await later.scrape();
    // The product guarantees the deadline however slow the machine is.
    expect(performance.now() - startedMs).toBeLessThan(SCRAPE_TIMEOUT_MS);
    expect(figure(series, 'libvirt_up')).toBe(1);
    expect(outcomes(series, 'unresponsive').sort()).toEqual(SIX);
    await sleep(1_000);
  }
}, 120_000);
