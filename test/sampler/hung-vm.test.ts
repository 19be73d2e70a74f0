import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CallName } from '../../libvirt/calls/all.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { DomainState, PausedReason } from '../../libvirt/constants.ts';
import type { DomainSample, HostSample } from '../../sampler/host-sample.ts';
import type { SamplerOptions } from '../../sampler/parts.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { type TemporarySocket, temporarySocket } from './temporary-socket.ts';

const VM = 'pg-orders';

let socket: TemporarySocket;
let daemon: SimulatedDaemon;
let samplers: Sampler[];
let calls: CallName[];
/** Names of the domains whose statistics were requested, in order. */
let asked: string[];
/** Called with the name of each call before it is answered. */
let onCall: (name: CallName) => void;

function another(options: Partial<SamplerOptions> = {}): Sampler {
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    domainDeadlineMs: 150,
    tickDeadlineMs: 3_000,
    ...options,
  });
  samplers.push(sampler);
  return sampler;
}

beforeEach(async () => {
  socket = temporarySocket();
  samplers = [];
  calls = [];
  asked = [];
  onCall = () => undefined;
  daemon = new SimulatedDaemon(new SimulatedHost(withVmCount(findScenario('calm'), 14)), {
    onCall: (name, args) => {
      calls.push(name);
      onCall(name);
      if (name !== 'connectGetAllDomainStats') return;
      for (const { name: of } of (args as { domains: { name: string }[] }).domains) asked.push(of);
    },
  });
  await daemon.listen({ path: socket.path });
});
afterEach(async () => {
  daemon.faults.slowMs = 0;
  for (const vm of daemon.host.vms) {
    daemon.faults.unhang(vm);
    daemon.faults.releaseJob(vm);
  }
  await Promise.all(samplers.map((sampler) => sampler.close()));
  await daemon.stop();
  socket.remove();
});

const of = (sample: HostSample, name = VM): DomainSample | undefined =>
  sample.domains.find((each) => each.domain.name === name);
const unresponsive = (sample: HostSample): string[] =>
  sample.domains.filter(({ outcome }) => outcome.kind === 'unresponsive').map(({ domain }) => domain.name);

test('a VM that hangs behind the job of another client is unresponsive in the first sample, with the time since when', async () => {
  const vm = daemon.vm(VM);
  const beganAtMs = Date.now();
  daemon.faults.hang(vm);
  daemon.faults.holdJob(vm);
  const sample = await another().sample();
  expect(unresponsive(sample)).toEqual([VM]);
  const outcome = of(sample)?.outcome;
  const sinceMs = outcome?.kind === 'unresponsive' ? outcome.sinceMs : undefined;
  expect(Math.abs((sinceMs ?? 0) - beganAtMs)).toBeLessThan(1_000);
  expect(of(sample)?.extras?.control?.state).toBe('occupied');
  expect(of(sample)?.lastFreshAtMs).toBeUndefined();
});

test('a client that starts while another waits for the hung VM sees it hang, and sees it come back', async () => {
  const vm = daemon.vm(VM);
  const first = another();
  await first.sample();
  daemon.faults.hang(vm);
  expect(unresponsive(await first.sample())).toEqual([VM]);
  const second = another({ groups: new Set(['block', 'vcpu']) });
  expect(unresponsive(await second.sample())).toEqual([VM]);
  daemon.faults.unhang(vm);
  await second.sample();
  await first.sample();
  expect(unresponsive(await second.sample())).toEqual([]);
  expect(of(await first.sample())?.outcome.kind).toBe('fresh');
});

test('a job of another client is not a hang while the monitor answers', async () => {
  daemon.faults.holdJob(daemon.vm(VM));
  // Nothing here waits for the deadlines, which a busy machine must keep too.
  const sampler = another({ domainDeadlineMs: 5_000, tickDeadlineMs: 20_000 });
  for (let i = 0; i < 5; i++) {
    const sample = await sampler.sample();
    expect(of(sample)?.outcome.kind).toBe('fresh');
    expect(unresponsive(sample)).toEqual([]);
  }
});

test('a VM whose job another client holds for a moment is asked again in the same sample', async () => {
  const vm = daemon.vm(VM);
  const sampler = another();
  const figures = (sample: HostSample): number | undefined => {
    const outcome = of(sample)?.outcome;
    return outcome?.kind === 'fresh' ? outcome.stats.blocks.get(0)?.readRequests : undefined;
  };
  daemon.faults.holdJob(vm);
  expect(figures(await sampler.sample())).toBeUndefined();
  // The control info is only requested after a first reply without figures.
  onCall = (name) => {
    if (name === 'domainGetControlInfo') daemon.faults.releaseJob(vm);
  };
  asked = [];
  expect(figures(await sampler.sample())).toBeGreaterThanOrEqual(0);
  expect(asked.filter((name) => name === VM)).toHaveLength(2);
});

test('one waiting call asks about a long job, which is not a hang while that call is recent', async () => {
  daemon.faults.holdJob(daemon.vm(VM), true);
  const sampler = another({ groups: new Set(['block']), tickDeadlineMs: 500 });
  for (let i = 0; i < 5; i++) expect(of(await sampler.sample())?.outcome.kind).toBe('fresh');
  expect(calls.filter((name) => name === 'domainMemoryStats')).toHaveLength(1);
});

test('a VM that hangs within a long job is unresponsive once libvirt cannot get hold of it, and back afterwards', async () => {
  const vm = daemon.vm(VM);
  daemon.faults.jobWaitMs = 50;
  daemon.faults.holdJob(vm, true);
  const sampler = another({ groups: new Set(['block']) });
  let sample = await sampler.sample();
  const atMs = Date.now();
  while (unresponsive(sample).length === 0 && Date.now() - atMs < 5_000) sample = await sampler.sample();
  expect(unresponsive(sample)).toEqual([VM]);
  daemon.faults.releaseJob(vm);
  expect(of(await sampler.sample())?.outcome.kind).toBe('fresh');
});

test('where samples are rare, the first that sees a VM hang within a long job waits for the verdict', async () => {
  daemon.faults.holdJob(daemon.vm(VM), true);
  const sampler = another({ groups: new Set(['block']), probeLimitMs: 200, tickDeadlineMs: 10_000 });
  const sample = await sampler.sample();
  expect(unresponsive(sample)).toEqual([VM]);
  expect(sample.domains.filter(({ outcome }) => outcome.kind === 'fresh')).toHaveLength(13);
});

test('a paused VM that is being saved admits no client for as long as it takes: that is not a hang', async () => {
  const vm = daemon.vm(VM);
  daemon.faults.jobWaitMs = 10;
  daemon.faults.holdJob(vm, true);
  vm.state = DomainState.paused;
  vm.reason = PausedReason.save;
  const sampler = another({ groups: new Set(['block']) });
  for (let i = 0; i < 5; i++) expect(of(await sampler.sample())?.outcome.kind).toBe('fresh');
  expect(calls).not.toContain('domainMemoryStats');
});

test('a VM that did not answer is asked after all others, so that they need not wait for it', async () => {
  const vm = daemon.vm(VM);
  const sampler = another({ inFlight: 1, groups: new Set(['block']) });
  await sampler.sample();
  expect(asked.at(-1)).not.toBe(VM);
  daemon.faults.hang(vm);
  expect(unresponsive(await sampler.sample())).toEqual([VM]);
  daemon.faults.unhang(vm);
  await vi.waitFor(() => expect(sampler.health.stuckCalls).toBe(0));
  asked = [];
  expect(of(await sampler.sample())?.outcome.kind).toBe('fresh');
  expect(asked).toHaveLength(14);
  expect(asked.at(-1)).toBe(VM);
  // It has answered, and returns to its old place.
  asked = [];
  await sampler.sample();
  expect(asked.at(-1)).not.toBe(VM);
});

test('what a tick had no time for is asked first in the next', async () => {
  const sampler = another({ inFlight: 1, groups: new Set(['block']), domainDeadlineMs: 5_000 });
  await sampler.sample();
  daemon.faults.slowMs = 60;
  const late = (await sampler.sample(500)).domains.filter(({ outcome }) => outcome.kind === 'late');
  expect(late.length).toBeGreaterThan(0);
  daemon.faults.slowMs = 0;
  await vi.waitFor(() => expect(sampler.health.stuckCalls).toBe(0));
  asked = [];
  await sampler.sample();
  expect(asked.slice(0, late.length)).toEqual(late.map(({ domain }) => domain.name));
});

test('libvirt that answers nothing makes VMs late, not unresponsive, but for those that it knows to hang', async () => {
  const sampler = another({ tickDeadlineMs: 1_000, groups: new Set(['block']) });
  await sampler.sample();
  daemon.faults.hang(daemon.vm(VM));
  daemon.faults.holdJob(daemon.vm(VM));
  daemon.faults.hold('connectGetAllDomainStats');
  // libvirt calls it a hang once it is older than the domain deadline.
  await vi.waitFor(() => expect(daemon.faults.hungForMs(daemon.vm(VM))).toBeGreaterThan(150));
  const sample = await sampler.sample();
  expect(unresponsive(sample)).toEqual([VM]);
  expect(sample.domains.filter(({ outcome }) => outcome.kind === 'late')).toHaveLength(13);
  expect(sample.domains.every(({ summary }) => summary.state !== undefined)).toBe(true);
  daemon.faults.release('connectGetAllDomainStats');
});

test("an answer that comes after the VM's own deadline and within the tick is an answer", async () => {
  const sampler = another({ domainDeadlineMs: 30, tickDeadlineMs: 10_000, groups: new Set(['block']) });
  await sampler.sample();
  daemon.faults.slowMs = 100;
  const sample = await sampler.sample();
  expect(sample.domains.map(({ outcome }) => outcome.kind)).toEqual(Array(14).fill('fresh'));
});

test('a caller with little time, which left none for the XML of VMs, does not leave one that has more without it', async () => {
  const sampler = another({ tickDeadlineMs: 20_000, groups: new Set(['block']) });
  await sampler.attempt();
  daemon.faults.hold('connectListAllDomains');
  const short = sampler.sample(1_600);
  const long = sampler.sample();
  setTimeout(() => daemon.faults.release('connectListAllDomains'), 850);
  expect((await short).domains.filter(({ facts }) => facts !== undefined)).toEqual([]);
  expect((await long).domains.filter(({ facts }) => facts === undefined)).toEqual([]);
});

test('XML that cannot be understood does not have a caller who has more time sample the host again', async () => {
  vi.spyOn(daemon.vm(VM), 'xml').mockReturnValue('<domain><unclosed></domain>');
  const sampler = another({ tickDeadlineMs: 20_000, groups: new Set(['block']) });
  await sampler.sample();
  calls = [];
  const [short] = await Promise.all([sampler.sample(10_000), sampler.sample()]);
  expect(of(short)?.facts).toBeUndefined();
  expect(calls.filter((name) => name === 'connectListAllDomains')).toHaveLength(1);
});

test('a caller with little time does not cut the sample of one that has more', async () => {
  const sampler = another({ tickDeadlineMs: 20_000, inFlight: 1, groups: new Set(['block']) });
  await sampler.sample();
  daemon.faults.slowMs = 60;
  const short = sampler.sample(400);
  const long = sampler.sample();
  expect((await short).domains.some(({ outcome }) => outcome.kind === 'late')).toBe(true);
  expect((await long).domains.map(({ outcome }) => outcome.kind)).toEqual(Array(14).fill('fresh'));
});

test.each([Number.NaN, 1e9, Number.POSITIVE_INFINITY])(
  'a budget of %s ms counts as no limit',
  async (budgetMs) => {
    await expect(another().sample(budgetMs)).resolves.toMatchObject({ domains: { length: 14 } });
  },
);

test('a job that lets queries in is not a hang, and is named: at once where its pause shows it, else within ten samples', async () => {
  const MIGRATION_OUT = 5;
  const vm = daemon.vm(VM);
  const other = daemon.vm('pg-billing');
  for (const each of [vm, other]) daemon.faults.runJob(each, MIGRATION_OUT);
  vm.state = DomainState.paused;
  vm.reason = PausedReason.migration;
  const sampler = another();
  const first = await sampler.sample();
  expect(of(first)?.outcome.kind).toBe('fresh');
  expect(of(first)?.extras?.job).toMatchObject({ operation: 'migration_out', active: true });
  for (let i = 1; i < 10; i++) await sampler.sample();
  expect(of(await sampler.sample(), 'pg-billing')?.extras?.job).toMatchObject({ operation: 'migration_out' });
  for (const each of [vm, other]) daemon.faults.endJob(each);
  const last = await sampler.sample();
  expect(of(last)?.extras?.job).toBeUndefined();
  expect(of(last, 'pg-billing')?.extras?.job).toBeUndefined();
});

test('a caller with less time than the tick it joins gets those that answered so far, and the patient one gets all', async () => {
  const sampler = another({ tickDeadlineMs: 20_000, domainDeadlineMs: 10_000 });
  await sampler.sample();
  daemon.faults.hold('connectGetAllDomainStats', (args) =>
    (args as { domains: { name: string }[] }).domains.some(({ name }) => name === VM),
  );
  asked = [];
  const patient = sampler.sample();
  await vi.waitFor(() => expect(asked).toHaveLength(14));
  const short = await sampler.sample(500);
  expect(of(short)?.outcome.kind).toBe('late');
  expect(short.domains.filter(({ outcome }) => outcome.kind === 'fresh')).toHaveLength(13);
  expect(short.overcommit?.vcpuRatio).toBeGreaterThan(0);
  expect(short.contention).toBeDefined();
  daemon.faults.release('connectGetAllDomainStats');
  const whole = await patient;
  expect(whole.domains.filter(({ outcome }) => outcome.kind === 'fresh')).toHaveLength(14);
  expect(whole.contention).toBeDefined();
});
