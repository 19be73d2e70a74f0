import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { runVirtune, VirtuneProcess } from '../virtune-process.ts';
import { bootAnother, removeGuest } from './lab/guests.ts';
import { PREFIX } from './lab/paths.ts';
import { until } from './lab/run.ts';
import { type SecondDaemon, startSecondLibvirtd } from './lab/second-daemon.ts';
import { virsh } from './lab/virsh.ts';

/** A save and a migration, held while they run so that they are seen, and reported with their results. */
const domain = `${PREFIX}job`;
/** One VM in ten is asked for a job at a time. */
const TURN_MS = 60_000;

let virtune: VirtuneProcess;
beforeAll(async () => {
  bootAnother(domain, '');
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  await virtune.scrape();
});
afterAll(async () => {
  await virtune?.stop();
  removeGuest(domain);
});

function inBackground(...args: string[]): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn('virsh', args, { stdio: 'ignore' });
  return { child, ended: new Promise((resolve) => child.once('exit', resolve)) };
}

const job = (series: readonly Series[], what: string, operation: string, more = {}): number | undefined =>
  figure(series, `libvirt_domain_job_${what}`, { domain, operation, ...more });

async function untilReported(operation: string, active: 0 | 1): Promise<Series[]> {
  return until(`the ${operation} with active ${active}`, TURN_MS, async () => {
    const series = await virtune.scrape();
    return job(series, 'active', operation) === active ? series : undefined;
  });
}

/** What `virtune top --once --json` finds about the VM's job. */
async function jobInTop(): Promise<object | undefined> {
  const { stdout } = await runVirtune('top', '--no-config', '--once', '--json');
  const seen = JSON.parse(stdout) as { vms: { name: string; findings: { kind: string }[] }[] };
  return seen.vms.find((vm) => vm.name === domain)?.findings.find(({ kind }) => kind === 'job-running');
}

/** Compares the completed job with what virsh reports, figure by figure. */
function expectAsEnded(series: readonly Series[], operation: string): void {
  const info = virsh('domjobinfo', domain, '--completed', '--keep-completed', '--rawstats');
  const jobInfo = (name: string): number => Number(new RegExp(`^ *${name}: (\\d+)`, 'm').exec(info)?.[1]);
  expect(job(series, 'elapsed_seconds', operation)).toBe(jobInfo('time_elapsed') / 1_000);
  expect(job(series, 'downtime_seconds', operation)).toBe(jobInfo('downtime') / 1_000);
  for (const kind of ['total', 'processed', 'remaining']) {
    expect(job(series, 'memory_bytes', operation, { kind })).toBe(jobInfo(`memory_${kind}`));
  }
  expect(job(series, 'memory_iteration', operation)).toBe(jobInfo('memory_iteration'));
}

/** The helper through which libvirtd writes a saved image; stopping it holds the save. */
function ioHelper(): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('libvirt_iohelper')) return Number(pid);
    } catch {
      // The process has ended in the meantime.
    }
  }
  return undefined;
}

test('a save is reported while it runs, and with its result after the VM has stopped', async () => {
  const save = inBackground('managedsave', domain);
  let helper: number | undefined;
  while (helper === undefined && save.child.exitCode === null) {
    helper = ioHelper();
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (helper === undefined) throw new Error('the save was over before it could be held');
  process.kill(helper, 'SIGSTOP');
  try {
    // The VM's pause hints at a job, so its job is queried at once.
    const series = await virtune.scrape();
    expect(job(series, 'active', 'save')).toBe(1);
    expect(find(series, 'virtune_domain_outcome', { domain, outcome: 'fresh' })).toHaveLength(1);
    expect(await jobInTop()).toMatchObject({
      kind: 'job-running',
      evidence: expect.stringMatching(/^save, for \d+ s/),
    });
    expect(job(series, 'elapsed_seconds', 'save')).toBeGreaterThan(0);
    expect(job(series, 'memory_bytes', 'save', { kind: 'remaining' })).toBeGreaterThan(0);
    expect(find(series, 'libvirt_domain_job_success', { domain })).toEqual([]);
  } finally {
    process.kill(helper, 'SIGCONT');
  }
  expect(await save.ended).toBe(0);
  const series = await untilReported('save', 0);
  expectAsEnded(series, 'save');
  expect(figure(series, 'libvirt_domain_info_state', { domain, state_desc: 'shutoff' })).toBe(5);
  expect(figure(series, 'libvirt_domain_events_total', { domain, event: 'jobCompleted' })).toBe(1);
  await until('the mark, which is read twice a minute', 40_000, async () => {
    return figure(await virtune.scrape(), 'libvirt_domain_managed_save', { domain }) === 1;
  });
  // An exporter started later also reports the save, though it saw neither its beginning nor its end.
  const late = virtune;
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  await late.stop();
  expectAsEnded(await untilReported('save', 0), 'save');
}, 200_000);

test('a migration is reported while it runs, and with its downtime after its end', async () => {
  virsh('start', domain);
  const second: SecondDaemon = await startSecondLibvirtd();
  try {
    const slow = ['--bandwidth', '1'];
    const migration = inBackground('migrate', '--live', ...slow, domain, second.uri, 'tcp://127.0.0.1');
    let running = await untilReported('migration_out', 1);
    // The job begins before QEMU has counted its memory.
    await until('memory that is still to be sent', 20_000, async () => {
      running = await virtune.scrape();
      return (job(running, 'memory_bytes', 'migration_out', { kind: 'remaining' }) ?? 0) > 0;
    });
    expect(job(running, 'elapsed_seconds', 'migration_out')).toBeGreaterThan(0);
    virsh('migrate-setspeed', domain, '1000');
    expect(await migration.ended).toBe(0);
    const series = await untilReported('migration_out', 0);
    expectAsEnded(series, 'migration_out');
    expect(job(series, 'downtime_seconds', 'migration_out')).toBeGreaterThan(0);
    // The VM now runs elsewhere; its job is reported for as long as it is still known here.
    const later = await virtune.scrape();
    expect(job(later, 'downtime_seconds', 'migration_out')).toBe(
      job(series, 'downtime_seconds', 'migration_out'),
    );
    const reason = figure(later, 'libvirt_domain_info_state_reason', { domain });
    // VIR_DOMAIN_SHUTOFF_MIGRATED
    expect(reason).toBe(4);
  } finally {
    await second.stop();
  }
}, 300_000);
