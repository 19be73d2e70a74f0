import { expect, test } from 'vitest';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { ParamType, type TypedParam } from '../../../libvirt/typed-params.ts';
import { MARK_NAMESPACE } from '../../../model/domain/tuned-mark.ts';
import { markXml } from '../../../tuner/plan/mark.ts';
import { liveSettingOf } from '../../../tuner/steps/live-settings/all.ts';
import type { Step, StepParam } from '../../../tuner/steps/step.ts';
import { stepSchema } from '../../../tuner/steps/step-schema.ts';
import { type Answers, stepHost } from './step-host.ts';

const domain = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const ullong = (field: string, value: string): StepParam => ({ field, type: ParamType.ullong, value });

/** Performs a step as apply does, and undoes it; returns its value before, after, and at the end. */
async function there(answers: Answers, step: Step) {
  const host = stepHost(answers);
  const liveSetting = liveSettingOf(step);
  const was = JSON.parse(JSON.stringify(await liveSetting.get(host, step)));
  const wanted = liveSetting.target(step, was);
  await liveSetting.set(host, step, wanted);
  const now = await liveSetting.get(host, step);
  const back = liveSetting.back(was, now, true);
  await liveSetting.set(host, step, back);
  return {
    was,
    made: liveSetting.differs(now, wanted),
    undone: liveSetting.differs(await liveSetting.get(host, step), back),
  };
}

test('every kind of step survives a journal', () => {
  const to = [ullong('x', '18446744073709551615')];
  const steps: Step[] = [
    { kind: 'vcpuPin', domain, vcpu: 0, to: '1' },
    { kind: 'emulatorPin', domain, to: '1' },
    { kind: 'ioThread', domain, id: 1, to: 'present' },
    { kind: 'ioThreadPin', domain, id: 1, to: '1' },
    { kind: 'ioThreadParams', domain, id: 1, to },
    { kind: 'scheduler', domain, to },
    { kind: 'memoryLimits', domain, to },
    { kind: 'blkio', domain, to },
    { kind: 'blockIoTune', domain, disk: 'vda', to },
    { kind: 'bandwidth', domain, device: 'vnet0', to },
    { kind: 'numaNodeset', domain, to: '0' },
    { kind: 'balloonPeriod', domain, to: 5 },
    { kind: 'balloonSize', domain, to: 1024 },
    { kind: 'mark', domain, to: null },
    { kind: 'definition', domain, to: '<domain/>' },
    { kind: 'restart', domain, to: 'restarted' },
    { kind: 'hostPages', cell: 0, sizeKiB: 2048, to: 8 },
    { kind: 'ksm', to },
  ];
  for (const step of steps) expect(stepSchema.parse(JSON.parse(JSON.stringify(step)))).toEqual(step);
});

test('a value that does not fit its live setting is refused, whatever its source', async () => {
  const step: Step = { kind: 'balloonPeriod', domain, to: 5 };
  await expect(liveSettingOf(step).set(stepHost({}), step, 'five')).rejects.toMatchObject({
    code: 'TUNE_JOURNAL',
    message: expect.stringContaining('"five" is not a state of balloonPeriod'),
  });
});

test('a pin is read from its own part of the maps, on a host of more than eight CPUs', async () => {
  const pins = [0x0fff, 0x0fff];
  const bytes = (pin: number) => [pin & 0xff, pin >> 8];
  const answers: Answers = {
    nodeGetCpuMap: () => ({ map: new Uint8Array(0), online: 12, total: 12 }),
    domainGetVcpuPinInfo: ({ ncpumaps, mapLength }) => {
      expect(mapLength).toBe(2);
      return { maps: Uint8Array.from(pins.slice(0, ncpumaps).flatMap(bytes)), count: 2 };
    },
    domainPinVcpuFlags: ({ vcpu, map, flags }) => {
      expect(flags).toBe(1);
      pins[vcpu] = (map[0] ?? 0) | ((map[1] ?? 0) << 8);
    },
  };
  const { was, made, undone } = await there(answers, { kind: 'vcpuPin', domain, vcpu: 1, to: '9,11' });
  expect({ was, made, undone }).toEqual({ was: '0-11', made: undefined, undone: undefined });
  expect(pins).toEqual([0x0fff, 0x0fff]);
  const step: Step = { kind: 'vcpuPin', domain, vcpu: 2, to: '1' };
  await expect(liveSettingOf(step).get(stepHost(answers), step)).rejects.toThrow(/has no vCPU 2; it has 2/);
});

/** A getter and a setter over named values. */
function table(values: Record<string, TypedParam>): {
  readonly get: () => { params: TypedParam[]; nparams: number };
  readonly set: (args: { readonly params: readonly TypedParam[] }) => undefined;
} {
  return {
    get: () => ({ params: Object.values(values), nparams: 0 }),
    set: ({ params }) => {
      for (const param of params) values[param.field] = param;
    },
  };
}

test('no quota is restored as -1, even where cgroup v2 reports it as its largest number', async () => {
  const values: Record<string, TypedParam> = {
    vcpu_quota: { field: 'vcpu_quota', type: ParamType.llong, value: 18_446_744_073_709_551n },
  };
  const { get, set } = table(values);
  const step: Step = {
    kind: 'scheduler',
    domain,
    to: [{ field: 'vcpu_quota', type: ParamType.llong, value: '50000' }],
  };
  const { was, made, undone } = await there(
    { domainGetSchedulerParametersFlags: get, domainSetSchedulerParametersFlags: set },
    step,
  );
  expect(was).toEqual([{ field: 'vcpu_quota', type: ParamType.llong, value: '-1' }]);
  expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  expect(values['vcpu_quota']?.value).toBe(-1n);
});

test('what libvirt does not report could not be undone, so the step is refused', async () => {
  const { get } = table({});
  const step: Step = { kind: 'memoryLimits', domain, to: [ullong('hard_limit', '1024')] };
  const host = stepHost({ domainGetMemoryParameters: get });
  await expect(liveSettingOf(step).get(host, step)).rejects.toMatchObject({
    code: 'TUNE_STEP',
    message: expect.stringContaining('"hard_limit" of the memory limits of domain "db01"'),
  });
});

test('a device without a block I/O limit is written as 0: leaving it out would keep the old limit', async () => {
  const devices = new Map([['/dev/sda', '1000']]);
  const field = 'device_read_bytes_sec';
  const answers: Answers = {
    domainGetBlkioParameters: () => ({
      params: [{ field, type: ParamType.string, value: [...devices].flat().join(',') }],
      nparams: 0,
    }),
    domainSetBlkioParameters: ({ params }) => {
      const parts = String(params[0]?.value).split(',');
      for (let at = 0; at + 1 < parts.length; at += 2) {
        if (parts[at + 1] === '0') devices.delete(parts[at] ?? '');
        else devices.set(parts[at] ?? '', parts[at + 1] ?? '');
      }
    },
  };
  const step: Step = {
    kind: 'blkio',
    domain,
    to: [{ field, type: ParamType.string, value: '/dev/sdb,500,/dev/sda,2000' }],
  };
  const { made, undone } = await there(answers, step);
  expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  expect([...devices]).toEqual([['/dev/sda', '1000']]);
});

test("both ends of an iothread's pool go in one call, where libvirt knows of neither", async () => {
  const pool = { min: -1, max: -1 };
  const said = (name: string, value: number): string => (value < 0 ? '' : ` ${name}='${value}'`);
  let calls = 0;
  const answers: Answers = {
    domainGetXmlDesc: () => ({
      xml: `<domain><iothreadids><iothread id='1'/><iothread id='2'${said('thread_pool_min', pool.min)}${said('thread_pool_max', pool.max)}/></iothreadids></domain>`,
    }),
    domainSetIoThreadParams: ({ ioThreadId, params }) => {
      expect(ioThreadId).toBe(2);
      calls++;
      for (const { field, value } of params) {
        pool[field === 'thread_pool_max' ? 'max' : 'min'] = Number(value);
      }
      if (pool.min > pool.max) throw new RemoteError('set', ErrorCode.operationInvalid, 10, 'min above max');
    },
  };
  const int = (field: string, value: string): StepParam => ({ field, type: ParamType.int, value });
  const to = [int('thread_pool_min', '70'), int('thread_pool_max', '90')];
  const { made, undone } = await there(answers, { kind: 'ioThreadParams', domain, id: 2, to });
  expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  expect({ calls, pool }).toEqual({ calls: 2, pool: { min: 0, max: 64 } });
});

test('polling and pool of an iothread go in two calls: in one, libvirt 9.0 keeps the old pool in the XML', async () => {
  const polls: Record<string, number> = { 'poll-max-ns': 32_768 };
  let pool = '';
  const calls: string[][] = [];
  const answers: Answers = {
    domainGetXmlDesc: () => ({
      xml: `<domain><iothreadids><iothread id='1'${pool}/></iothreadids></domain>`,
    }),
    connectGetAllDomainStats: () => ({
      records: [
        {
          domain: { ...domain, id: 1 },
          params: Object.entries(polls).map(([name, value]) => ({
            field: `iothread.1.${name}`,
            type: ParamType.ullong,
            value,
          })),
        },
      ],
    }),
    domainSetIoThreadParams: ({ params }) => {
      calls.push(params.map(({ field }) => field));
      for (const { field, value } of params)
        if (field.startsWith('poll_')) polls[field.replaceAll('_', '-')] = Number(value);
      if (params.every(({ field }) => !field.startsWith('poll_')))
        pool = params.map(({ field, value }) => ` ${field}='${String(value)}'`).join('');
    },
  };
  const { made, undone } = await there(answers, {
    kind: 'ioThreadParams',
    domain,
    id: 1,
    to: [
      ullong('poll_max_ns', '65536'),
      { field: 'thread_pool_min', type: ParamType.int, value: '2' },
      { field: 'thread_pool_max', type: ParamType.int, value: '8' },
    ],
  });
  expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  expect({ polls, pool }).toEqual({
    polls: { 'poll-max-ns': 32_768 },
    pool: " thread_pool_min='0' thread_pool_max='64'",
  });
  const both = [['thread_pool_min', 'thread_pool_max'], ['poll_max_ns']];
  expect(calls).toEqual([...both, ...both]);
});

test('an iothread that was taken away comes back with its pin and its pool', async () => {
  let stands = true;
  let pin: string | undefined = '2-3';
  let pool = '';
  const answers: Answers = {
    nodeGetCpuMap: () => ({ map: new Uint8Array(), online: 8, total: 8 }),
    domainGetIoThreadInfo: () => ({
      ioThreads: stands ? [{ id: 2, map: new Uint8Array([0b1100]) }] : [],
      count: stands ? 1 : 0,
    }),
    domainGetXmlDesc: () => ({
      xml: `<domain><iothreadids>${stands ? `<iothread id='2'${pool}/>` : ''}</iothreadids><cputune>${pin === undefined ? '' : `<iothreadpin iothread='2' cpuset='${pin}'/>`}</cputune></domain>`,
    }),
    connectGetAllDomainStats: () => ({ records: [] }),
    domainDelIoThread: () => {
      stands = false;
      pin = undefined;
      pool = '';
    },
    domainAddIoThread: () => {
      stands = true;
    },
    domainPinIoThread: () => {
      pin = '2-3';
    },
    domainSetIoThreadParams: ({ params }) => {
      pool = params.map(({ field, value }) => ` ${field}='${String(value)}'`).join('');
    },
  };
  pool = " thread_pool_min='2' thread_pool_max='9'";
  const { made, undone } = await there(answers, { kind: 'ioThread', domain, id: 2, to: 'absent' });
  expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  expect({ stands, pin, pool }).toEqual({
    stands: true,
    pin: '2-3',
    pool: " thread_pool_min='2' thread_pool_max='9'",
  });
});

test('polling is read from QEMU itself, of the iothread that is meant', async () => {
  const polls: Record<string, number> = { 'poll-max-ns': 32_768, 'poll-grow': 0, 'poll-shrink': 0 };
  const answers: Answers = {
    connectGetAllDomainStats: ({ domains }) => ({
      records: [
        {
          domain: { ...domain, id: domains[0]?.id ?? 0 },
          params: [
            { field: 'iothread.1.poll-max-ns', type: ParamType.ullong, value: 7 },
            ...Object.entries(polls).map(([name, value]) => ({
              field: `iothread.11.${name}`,
              type: ParamType.ullong,
              value,
            })),
          ],
        },
      ],
    }),
    domainSetIoThreadParams: ({ params }) => {
      for (const { field, value } of params) polls[field.replaceAll('_', '-')] = Number(value);
    },
  };
  const { was, made, undone } = await there(answers, {
    kind: 'ioThreadParams',
    domain,
    id: 11,
    to: [ullong('poll_max_ns', '50000')],
  });
  expect(was).toEqual([ullong('poll_max_ns', '32768')]);
  expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
});

test('the mark goes without its namespace, which libvirt puts on, and an absent one comes back absent', async () => {
  let metadata: string | undefined;
  const answers: Answers = {
    domainGetMetadata: ({ uri }) => {
      expect(uri).toBe(MARK_NAMESPACE);
      if (metadata === undefined) throw new RemoteError('get', ErrorCode.noDomainMetadata, 10, 'not there');
      return { metadata };
    },
    domainSetMetadata: ({ metadata: given }) => {
      expect(given ?? '').not.toContain('xmlns');
      metadata = given?.replaceAll("'", '"');
    },
  };
  const to = markXml({ profile: 'dense', version: 'ab', at: '2026-01-31T10:11:12Z', id: 'x' });
  const { was, made, undone } = await there(answers, { kind: 'mark', domain, to });
  expect({ was, made, undone }).toEqual({ was: null, made: undefined, undone: undefined });
  expect(metadata).toBeUndefined();
});

test('a pool that gets only part of its pages is a failure with figures', async () => {
  let pages = 10;
  const host = stepHost({
    connectGetCapabilities: () => ({
      xml: `<capabilities><host><topology><cells num='1'><cell id='0'><pages unit='KiB' size='4'>99</pages><pages unit='KiB' size='2048'>${pages}</pages></cell></cells></topology></host></capabilities>`,
    }),
    nodeAllocPages: ({ counts }) => {
      pages = 700;
      throw new RemoteError(
        'nodeAllocPages',
        ErrorCode.operationFailed,
        0,
        `Unable to allocate ${counts[0]}`,
      );
    },
  });
  const step: Step = { kind: 'hostPages', cell: 0, sizeKiB: 2048, to: 1024 };
  await expect(liveSettingOf(step).set(host, step, 1024)).rejects.toMatchObject({
    code: 'TUNE_STEP',
    message: expect.stringMatching(/got 700 of 1024 pages of 2048 KiB \(before: 10\).*fragmented/),
  });
  const absent: Step = { kind: 'hostPages', cell: 3, sizeKiB: 2048, to: 1 };
  await expect(liveSettingOf(absent).get(host, absent)).rejects.toThrow(
    /cell 3 of this host has no pool of 2048 KiB pages/,
  );
});

test('a balloon is waited for, and one that does not move is read back as what it is', async () => {
  let memoryKiB = 200_000;
  let asked = 0;
  const info = () => ({ state: 1, maxMemKiB: 200_000, memoryKiB, vcpus: 1, cpuTimeNs: 0 });
  const step: Step = { kind: 'balloonSize', domain, to: 150_000 };
  const willing = stepHost({
    domainGetInfo: () => {
      if (++asked > 3) memoryKiB = 150_000;
      return info();
    },
    domainSetMemoryFlags: () => undefined,
  });
  await liveSettingOf(step).set(willing, step, 150_000);
  expect(await liveSettingOf(step).get(willing, step)).toBe(150_000);
  memoryKiB = 200_000;
  const unwilling = stepHost({ domainGetInfo: info, domainSetMemoryFlags: () => undefined });
  await liveSettingOf(step).set(unwilling, step, 150_000);
  expect(liveSettingOf(step).differs(await liveSettingOf(step).get(unwilling, step), 150_000)).toBe(
    'it is 200000, not 150000',
  );
});

test('a domain without numatune takes memory from every cell, and that is restored', async () => {
  let nodeset = '';
  const answers: Answers = {
    connectGetCapabilities: () => ({
      xml: `<capabilities><host><uuid>x</uuid><cpu><arch>x86_64</arch></cpu><topology><cells num='2'><cell id='0'><memory unit='KiB'>1</memory><cpus num='0'/></cell><cell id='1'><memory unit='KiB'>1</memory><cpus num='0'/></cell></cells></topology></host></capabilities>`,
    }),
    domainGetNumaParameters: () => ({
      params: [{ field: 'numa_nodeset', type: ParamType.string, value: nodeset }],
      nparams: 0,
    }),
    domainSetNumaParameters: ({ params }) => {
      nodeset = String(params[0]?.value);
      if (nodeset === '') throw new RemoteError('set', ErrorCode.invalidArg, 0, "Failed to parse bitmap ''");
    },
  };
  const { was, made, undone } = await there(answers, { kind: 'numaNodeset', domain, to: '1' });
  expect({ was, made, undone }).toEqual({ was: '0-1', made: undefined, undone: undefined });
});

test('memory limits fall and rise in an order that the kernel accepts, and are restored', async () => {
  const kib: Record<string, bigint> = { hard_limit: 4_000n, soft_limit: 1_000n, swap_hard_limit: 5_000n };
  const answers: Answers = {
    domainGetMemoryParameters: () => ({
      params: Object.entries(kib).map(
        ([field, value]): TypedParam => ({ field, type: ParamType.ullong, value }),
      ),
      nparams: 0,
    }),
    domainSetMemoryParameters: ({ params }) => {
      // Within one call libvirt sets hard, soft and swap limits in this order, and the kernel checks each one.
      for (const name of ['hard_limit', 'soft_limit', 'swap_hard_limit']) {
        const param = params.find(({ field }) => field === name);
        if (param !== undefined) kib[name] = BigInt(param.value as bigint);
        if ((kib.hard_limit ?? 0n) > (kib.swap_hard_limit ?? 0n))
          throw new RemoteError('set', ErrorCode.internal, 10, 'hard limit above swap limit');
      }
    },
  };
  for (const [hard, swap] of [
    ['2000', '3000'],
    ['8000', '9000'],
  ] as const) {
    const to = [ullong('swap_hard_limit', swap), ullong('hard_limit', hard)];
    const { made, undone } = await there(answers, { kind: 'memoryLimits', domain, to });
    expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  }
});

test('a quota never comes to more of a CPU on the way than its domain has', async () => {
  const now: Record<string, bigint> = {
    vcpu_period: 100_000n,
    vcpu_quota: 50_000n,
    global_period: 100_000n,
    global_quota: 50_000n,
  };
  const answers: Answers = {
    domainGetSchedulerParametersFlags: () => ({
      params: Object.entries(now).map(
        ([field, value]): TypedParam => ({ field, type: ParamType.ullong, value }),
      ),
    }),
    domainSetSchedulerParametersFlags: ({ params }) => {
      for (const { field, value } of params) {
        now[field] = value as bigint;
        const part = (of: string): number => Number(now[`${of}_quota`]) / Number(now[`${of}_period`]);
        if (part('vcpu') > part('global'))
          throw new RemoteError('set', ErrorCode.internal, 10, `${field}: Invalid argument`);
      }
    },
  };
  for (const [period, quota] of [
    ['50000', '10000'],
    ['200000', '180000'],
  ] as const) {
    const to = ['vcpu_period', 'vcpu_quota', 'global_period', 'global_quota'].map((field) =>
      ullong(field, field.endsWith('period') ? period : quota),
    );
    const { made, undone } = await there(answers, { kind: 'scheduler', domain, to });
    expect({ made, undone }).toEqual({ made: undefined, undone: undefined });
  }
});
