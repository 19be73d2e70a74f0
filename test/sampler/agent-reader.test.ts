import { expect, test } from 'vitest';
import type { Connection } from '../../libvirt/client/connection.ts';
import { CallAbandonedError, ConnectError, RemoteError } from '../../libvirt/errors.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { type DomainFacts, parseDomain } from '../../model/domain/domain.ts';
import { AgentReader } from '../../sampler/agent/agent-reader.ts';
import { DOMAIN } from './fake-connection.ts';

const withAgent = (state = " state='connected'"): DomainFacts =>
  parseDomain(
    `<domain><devices><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'${state}/></channel></devices></domain>`,
  );
const FACTS = withAgent();
const NO_AGENT = parseDomain(
  "<domain><devices><channel><target name='org.spice'/></channel></devices></domain>",
);
const FILESYSTEMS = 16;
const LOAD = 128;
const OS = 2;
const HOSTNAME = 8;

const text = (field: string, value: string) => ({ field, type: ParamType.string, value });
const disk = (mountpoint: string, usedBytes: number) => [
  text('fs.0.mountpoint', mountpoint),
  { field: 'fs.0.used-bytes', type: ParamType.ullong, value: usedBytes },
];

type Answer = (domain: Domain, types: number) => unknown;

/** A reader over a connection with these answers, and the calls it received. */
function readerOf(
  answer: Answer,
  {
    groups = ['agent'] as GroupName[],
    open,
  }: { groups?: GroupName[]; open?: () => Promise<Connection> } = {},
) {
  const asked: [name: string, types: number][] = [];
  const failures: string[] = [];
  const clock = { nowMs: 0 };
  const connection = {
    freePlaces: 4,
    abandonedCalls: 0,
    onClose: () => () => undefined,
    close: async () => undefined,
    call: async (_name: string, { domain, types }: { domain: Domain; types: number }) => {
      asked.push([domain.name, types]);
      return answer(domain, types);
    },
  } as unknown as Connection;
  let opened = 0;
  const reader = new AgentReader({
    groups: new Set(groups),
    open: async () => {
      opened++;
      return open === undefined ? connection : open();
    },
    onFailure: (error) => failures.push(error.message),
    nowMs: () => clock.nowMs,
    steadyMs: () => clock.nowMs,
  });
  const tick = async (
    domains: readonly Domain[] = [DOMAIN],
    facts: DomainFacts | undefined = FACTS,
    libvirt = 9_000_000,
  ): Promise<void> => {
    reader.startTick(domains, () => facts, libvirt);
    // The agent is asked in the background, and takes no time here.
    await new Promise(setImmediate);
  };
  const reasons = (domain: Domain = DOMAIN): string[] =>
    reader.read(domain).missing.map(({ group, reason }) => `${group} ${reason}`);
  return { reader, asked, failures, clock, tick, reasons, opened: () => opened };
}
const numberedDomains = (count: number): Domain[] =>
  Array.from({ length: count }, (_, n) => ({ name: `vm-${n}`, uuid: `uuid-${n}`, id: n + 1 }));

test('an agent is asked beside the tick, about once a minute, and what it said is there with the next', async () => {
  const { reader, asked, clock, tick, reasons } = readerOf(() => ({ params: disk('/', 7) }));
  expect(reasons()).toEqual(['agent not_asked_yet']);
  await tick();
  expect(reader.read(DOMAIN).figures?.filesystems.get(0)?.usedBytes).toBe(7);
  expect(reasons()).toEqual([]);
  clock.nowMs = 44_000;
  await tick();
  expect(asked).toEqual([[DOMAIN.name, FILESYSTEMS]]);
  clock.nowMs = 61_000;
  await tick();
  expect(asked).toHaveLength(2);
});

test('a guest without a connected agent, or that does not run, is not asked, and has the reason', async () => {
  const { asked, tick, reasons, opened } = readerOf(() => ({ params: [] }));
  await tick([DOMAIN], NO_AGENT);
  expect(reasons()).toEqual(['agent no_agent']);
  await tick([DOMAIN], withAgent(" state='disconnected'"));
  expect(reasons()).toEqual(['agent agent_not_connected']);
  await tick([DOMAIN], undefined as unknown as DomainFacts);
  const stopped = { ...DOMAIN, id: -1 };
  await tick([stopped]);
  expect(reasons(stopped)).toEqual(['agent not_running']);
  expect(asked).toEqual([[DOMAIN.name, FILESYSTEMS]]);
  // Only the agent whose connection state libvirt does not report was asked; that needed the writable connection.
  expect(opened()).toBe(1);
});

test('without an agent to ask, no writable connection is ever opened', async () => {
  const { tick, opened } = readerOf(() => ({ params: [] }));
  for (let n = 0; n < 5; n++) await tick([DOMAIN], NO_AGENT);
  expect(opened()).toBe(0);
});

test('an agent that hangs is not asked again until its call is back, and its last figures grow old and go', async () => {
  const back = Promise.withResolvers<void>();
  let hangs = false;
  const { reader, asked, clock, tick, reasons } = readerOf(() => {
    if (hangs) throw new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'stuck', back.promise);
    return { params: disk('/', 7) };
  });
  await tick();
  hangs = true;
  clock.nowMs = 61_000;
  await tick();
  expect(reader.read(DOMAIN).figures?.atMs).toBe(0);
  for (; clock.nowMs < 600_000; clock.nowMs += 61_000) await tick();
  expect(asked).toHaveLength(2);
  expect(reader.read(DOMAIN).figures).toBeUndefined();
  expect(reasons()).toEqual(['agent agent_unresponsive']);
  hangs = false;
  back.resolve();
  await tick();
  await tick();
  expect(reader.read(DOMAIN).figures?.atMs).toBe(clock.nowMs);
});

test('four agents that hang are as many as are waited for: each holds a worker of libvirtd', async () => {
  const { asked, tick, reasons } = readerOf(() => {
    throw new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'stuck', new Promise(() => undefined));
  });
  const domains = numberedDomains(50);
  await tick(domains);
  await tick(domains);
  expect(asked.length).toBeLessThanOrEqual(5);
  expect(reasons(domains[40])).toEqual(['agent agent_limit']);
});

test.each([
  [86, 'agent_not_connected'],
  [113, 'agent_error'],
  [74, 'no_agent'],
  [55, 'not_running'],
  [3, 'not_supported'],
  [29, 'not_permitted'],
])('an answer with libvirt error %i is reported as %s', async (code, reason) => {
  const { failures, tick, reasons } = readerOf(() => {
    throw new RemoteError('domainGetGuestInfo', code, 10, 'no');
  });
  await tick();
  expect(reasons()).toEqual([`agent ${reason}`]);
  // The log only has what the operator can change, not each guest's agent.
  expect(failures).toHaveLength(reason === 'not_permitted' ? 1 : 0);
});

test('a connection without permission is logged, is the reason for each guest, and is tried again later', async () => {
  let permitted = false;
  const { clock, failures, tick, reasons, opened } = readerOf(() => ({ params: disk('/', 7) }), {
    open: async () => {
      if (!permitted) throw new ConnectError('LIBVIRT_PERMISSION', 'permission denied');
      throw new ConnectError('LIBVIRT_REFUSED', 'connection refused');
    },
  });
  const domains = numberedDomains(3);
  await tick(domains);
  expect(domains.map((domain) => reasons(domain))).toEqual(
    Array.from({ length: 3 }, () => ['agent not_permitted']),
  );
  expect(failures).toContain('permission denied');
  expect(opened()).toBe(1);
  permitted = true;
  clock.nowMs = 61_000;
  await tick(domains);
  expect(opened()).toBe(2);
  expect(reasons(domains[0])).toEqual(['agent no_connection']);
});

test('load is asked of a libvirt that knows it, words where they are wanted, and each lack leaves the rest', async () => {
  const { reader, asked, clock, tick } = readerOf(
    (_domain, types) => {
      if (types === HOSTNAME) throw new RemoteError('domainGetGuestInfo', 113, 10, 'command is disabled');
      if (types === OS) return { params: [text('os.id', 'lab')] };
      if (types === LOAD) {
        const load = (field: string) => ({ field, type: ParamType.double, value: 0.5 });
        return { params: ['load.1m', 'load.5m', 'load.15m'].map(load) };
      }
      return { params: disk('/', 7) };
    },
    { groups: ['agent', 'agentinfo'] },
  );
  await tick([DOMAIN], FACTS, 11_002_000);
  expect(asked.map(([, types]) => types)).toEqual([FILESYSTEMS, LOAD, OS, HOSTNAME]);
  clock.nowMs = 61_000;
  await tick([DOMAIN], FACTS, 9_000_000);
  // Text that is at most ten minutes old is still used.
  expect(asked.map(([, types]) => types).slice(4)).toEqual([FILESYSTEMS]);
  expect(reader.read(DOMAIN).figures).toMatchObject({
    load: undefined,
    hostname: undefined,
    os: new Map([['id', 'lab']]),
  });
});

test('another run of a domain starts over; a domain that is gone is forgotten', async () => {
  const { reader, asked, tick, reasons } = readerOf(() => ({ params: disk('/', 7) }));
  await tick();
  const restarted = { ...DOMAIN, id: DOMAIN.id + 1 };
  expect(reasons(restarted)).toEqual(['agent not_asked_yet']);
  await tick([restarted]);
  expect(asked).toHaveLength(2);
  await tick([]);
  expect(reader.read(restarted).figures).toBeUndefined();
});
