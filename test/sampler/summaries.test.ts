import { expect, test } from 'vitest';
import type { Connection } from '../../libvirt/client/connection.ts';
import { CallAbandonedError, RemoteError } from '../../libvirt/errors.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { Summaries } from '../../sampler/summaries.ts';
import { type Answers, DOMAIN, fakeConnection } from './fake-connection.ts';

const WITH_TIMES = { withCpuTimes: true };
const FACTS = parseDomain(
  '<domain><memory>2048</memory><currentMemory>1024</currentMemory><vcpu current="1">2</vcpu></domain>',
);
const CPU = {
  domainGetCpuStats: () => ({
    params: [
      { field: 'cpu_time', type: 4, value: 9 },
      { field: 'user_time', type: 4, value: 5 },
      { field: 'system_time', type: 4, value: 3 },
    ],
    nparams: 3,
  }),
} satisfies Answers;
const INFO = {
  domainGetInfo: () => ({ state: 1, maxMemKiB: 4_096, memoryKiB: 3_072, vcpus: 4, cpuTimeNs: 7 }),
} satisfies Answers;

test('with the XML known, CPU times are all that is asked for', async () => {
  const { connection, asked } = fakeConnection({ ...CPU, ...INFO });
  const summary = await new Summaries(1_000, () => 7_000).read(connection, DOMAIN, FACTS, WITH_TIMES);
  expect(asked).toEqual(['domainGetCpuStats']);
  expect(summary).toMatchObject({
    cpuTimeAtMs: 7_000,
    maximumKiB: 2_048,
    memoryKiB: 1_024,
    vcpus: 1,
    cpuTimeNs: 9,
    userNs: 5,
    systemNs: 3,
  });
});

test('where there is no accounting group, the info of libvirt gives the total, and nothing is split', async () => {
  const { connection } = fakeConnection(INFO);
  const summary = await new Summaries(1_000, () => 0).read(connection, DOMAIN, FACTS, WITH_TIMES);
  expect(summary).toMatchObject({ cpuTimeNs: 7, memoryKiB: 3_072, userNs: undefined, systemNs: undefined });
});

test('CPU time of the group is not continued with that of the process, which is less, while libvirt does not give it', async () => {
  const answers: { -readonly [N in keyof Answers]: Answers[N] } = { ...CPU, ...INFO };
  const { connection } = fakeConnection(answers);
  const summaries = new Summaries(1_000, () => 0);
  const cpuTime = async (domain = DOMAIN) =>
    (await summaries.read(connection, domain, undefined, WITH_TIMES)).cpuTimeNs;
  expect(await cpuTime()).toBe(9);
  answers.domainGetCpuStats = () => {
    throw new RemoteError('domainGetCpuStats', 38, 10, 'the group cannot be read');
  };
  expect(await cpuTime()).toBeUndefined();
  // A new run of the VM uses the process's CPU time from the beginning.
  expect(await cpuTime({ ...DOMAIN, id: 4 })).toBe(7);
  answers.domainGetCpuStats = CPU.domainGetCpuStats;
  expect(await cpuTime({ ...DOMAIN, id: 4 })).toBe(7);
});

test('CPU time is absent while libvirt has answered neither way', async () => {
  const { connection } = fakeConnection({
    ...INFO,
    domainGetCpuStats: () => {
      throw new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'stuck', new Promise(() => undefined));
    },
  });
  const summary = await new Summaries(1_000, () => 0).read(connection, DOMAIN, FACTS, WITH_TIMES);
  expect([summary.cpuTimeNs, summary.cpuTimeAtMs, summary.maximumKiB]).toEqual([undefined, undefined, 2_048]);
});

test('a domain that does not run has no CPU time, rather than none used', async () => {
  const { connection, asked } = fakeConnection({
    ...CPU,
    domainGetInfo: () => ({ ...INFO.domainGetInfo(), cpuTimeNs: 0 }),
  });
  const stopped = { ...DOMAIN, id: -1 };
  const summary = await new Summaries(1_000, () => 0).read(connection, stopped, undefined, WITH_TIMES);
  expect(summary.cpuTimeNs).toBeUndefined();
  expect(summary.memoryKiB).toBe(3_072);
  expect(asked).toEqual(['domainGetInfo']);
});

test('an unreadable figure is absent, not zero', async () => {
  const { connection } = fakeConnection({});
  const summary = await new Summaries(1_000, () => 0).read(connection, DOMAIN, undefined, WITH_TIMES);
  expect(Object.entries(summary).filter(([key, value]) => key !== 'uuid' && value !== undefined)).toEqual([]);
});

test('calls that block anyway are bounded: after two, no call of their kind is sent until one is back', async () => {
  const back = Promise.withResolvers<void>();
  let sent = 0;
  const connection = {
    call: async () => {
      sent++;
      throw new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'stuck', back.promise);
    },
  } as unknown as Connection;
  const summaries = new Summaries(1_000, () => 0);
  const ask = (uuid: string) => summaries.cpuTimes(connection, { ...DOMAIN, uuid });
  await ask('a');
  await ask('b');
  await ask('c');
  expect(sent).toBe(2);
  back.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  await ask('c');
  expect(sent).toBe(3);
});
