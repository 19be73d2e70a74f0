import { expect, test } from 'vitest';
import type { CallArgs } from '../../../libvirt/calls/all.ts';
import { ErrorCode } from '../../../libvirt/constants.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import {
  BOTH,
  CONFIG,
  CURRENT,
  codeOf,
  int,
  LIVE,
  llong,
  MAC,
  string,
  type Throwaway,
  uint,
  ullong,
} from './throwaway.ts';

const RUNNING = {
  vcpu: "<vcpu current='2'>4</vcpu>",
  more: '<iothreads>2</iothreads>',
} as const;
const URI = 'urn:virtune-test';

/** Changing the live domain and its definition separately. */
export function liveChangeContract(make: () => Throwaway): void {
  const parts = () => ({ ...RUNNING, disks: make().disk("cache='none' iothread='1'") });
  const map = async (...cpus: number[]): Promise<Uint8Array> => {
    const { total } = await make().connection.call('nodeGetCpuMap', { needMap: 0, needOnline: 0, flags: 0 });
    return CpuSet.of(cpus).toBitmap(Math.ceil(total / 8));
  };

  test('a pin goes to what runs, to the definition, or to whichever counts now', async () => {
    const domain = await make().have(parts(), 'running');
    const pin = async (cpu: number, flags: number, vcpu = 0) =>
      make().connection.call('domainPinVcpuFlags', { domain, vcpu, map: await map(cpu), flags });
    const pins = () => make().both('cputune', 'vcpupin', '@cpuset');
    await pin(0, CURRENT);
    expect(await pins()).toEqual({ live: '0', config: '-' });
    await pin(1, LIVE);
    expect(await pins()).toEqual({ live: '1', config: '-' });
    await pin(0, CONFIG);
    expect(await pins()).toEqual({ live: '1', config: '0' });
    await pin(1, BOTH);
    expect(await pins()).toEqual({ live: '1', config: '1' });
    // A vCPU that is not plugged can be pinned as well; one beyond the maximum cannot.
    await pin(1, LIVE, 3);
    expect(await codeOf(pin(1, LIVE, 9))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(pin(1, CONFIG, 9))).toBe(ErrorCode.invalidArg);
    await make().stop();
    await pin(0, CURRENT);
    expect(await make().inactive()).toContain("<vcpupin vcpu='0' cpuset='0'/>");
    expect(await codeOf(pin(0, LIVE))).toBe(ErrorCode.operationInvalid);
  });

  test('a CPU that the host does not have can be defined, but no thread runs there', async () => {
    const domain = await make().have(parts(), 'running');
    const { total } = await make().connection.call('nodeGetCpuMap', { needMap: 0, needOnline: 0, flags: 0 });
    const beyond = CpuSet.of([total]).toBitmap(Math.floor(total / 8) + 1);
    const pin = (flags: number) =>
      make().connection.call('domainPinVcpuFlags', { domain, vcpu: 0, map: beyond, flags });
    expect(await codeOf(pin(LIVE))).toBe(ErrorCode.systemError);
    await pin(CONFIG);
    expect(await make().both('cputune', 'vcpupin', '@cpuset')).toEqual({ live: '-', config: String(total) });
  });

  test('pins are read as they run or as they are defined; one call cannot ask for both', async () => {
    const domain = await make().have(parts(), 'running');
    const bytes = (await map(0)).length;
    await make().connection.call('domainPinEmulator', { domain, map: await map(1), flags: LIVE });
    await make().connection.call('domainPinIoThread', {
      domain,
      ioThreadId: 1,
      map: await map(0),
      flags: CONFIG,
    });
    const emulator = async (flags: number) =>
      CpuSet.fromBitmap(
        (await make().connection.call('domainGetEmulatorPinInfo', { domain, mapLength: bytes, flags })).map,
      ).toString();
    expect(await emulator(LIVE)).toBe('1');
    expect(await emulator(CONFIG)).not.toBe('1');
    const thread = async (flags: number) => {
      const { ioThreads } = await make().connection.call('domainGetIoThreadInfo', { domain, flags });
      return CpuSet.fromBitmap(ioThreads.find(({ id }) => id === 1)?.map ?? new Uint8Array()).toString();
    };
    expect(await thread(CONFIG)).toBe('0');
    expect(await thread(LIVE)).not.toBe('0');
    expect(await make().both('cputune', 'iothreadpin', '@cpuset')).toEqual({ live: '-', config: '0' });
    const both = make().connection.call('domainGetVcpuPinInfo', {
      domain,
      ncpumaps: 1,
      mapLength: bytes,
      flags: BOTH,
    });
    expect(await codeOf(both)).toBe(ErrorCode.invalidArg);
    const missing = { domain, ioThreadId: 9, map: await map(0), flags: LIVE };
    expect(await codeOf(make().connection.call('domainPinIoThread', missing))).toBe(ErrorCode.invalidArg);
  });

  test('iothreads come and go; one that a disk uses stays', async () => {
    const domain = await make().have(parts(), 'running');
    const change = (name: 'domainAddIoThread' | 'domainDelIoThread', ioThreadId: number, flags: number) =>
      make().connection.call(name, { domain, ioThreadId, flags });
    const counts = () => make().both('iothreads');
    await change('domainAddIoThread', 7, LIVE);
    expect(await counts()).toEqual({ live: '3', config: '2' });
    await change('domainAddIoThread', 8, CONFIG);
    expect(await counts()).toEqual({ live: '3', config: '3' });
    expect(await make().inactive()).toContain("<iothread id='8'/>");
    for (const [name, id, flags] of [
      ['domainAddIoThread', 7, LIVE],
      ['domainAddIoThread', 0, LIVE],
      ['domainDelIoThread', 7, BOTH],
      ['domainDelIoThread', 9, LIVE],
      ['domainDelIoThread', 1, LIVE],
      ['domainDelIoThread', 1, CONFIG],
    ] as const)
      expect(await codeOf(change(name, id, flags))).toBe(ErrorCode.invalidArg);
    await change('domainDelIoThread', 7, LIVE);
    expect(await counts()).toEqual({ live: '2', config: '3' });
  });

  test('polling of an iothread is set for the run, and in the definition where this libvirt supports it', async () => {
    const { storesPolling, takesWidePolling } = make().expected;
    const domain = await make().have(parts(), 'running');
    const set = (params: CallArgs<'domainSetIoThreadParams'>['params'], flags: number, ioThreadId = 1) =>
      make().connection.call('domainSetIoThreadParams', { domain, ioThreadId, params, flags });
    const polling = async () => {
      const { records } = await make().connection.call('connectGetAllDomainStats', {
        domains: [await make().find()],
        stats: 128,
        flags: 0,
      });
      return records[0]?.params.find(({ field }) => field === 'iothread.1.poll-max-ns')?.value;
    };
    const before = await polling();
    await set([ullong('poll_max_ns', 50_000), uint('poll_grow', 2)], LIVE);
    expect(await polling()).toBe(50_000);
    const wide = set([ullong('poll_grow', 2)], LIVE);
    if (takesWidePolling) await wide;
    else expect(await codeOf(wide)).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([ullong('foo', 2)], LIVE))).toBe(ErrorCode.argumentUnsupported);
    expect(await codeOf(set([ullong('poll_max_ns', 1)], LIVE, 9))).toBe(ErrorCode.invalidArg);
    const stored = set([ullong('poll_max_ns', 70_000)], CONFIG);
    if (storesPolling) await stored;
    else expect(await codeOf(stored)).toBe(ErrorCode.operationUnsupported);
    expect(await make().both('iothreadids', 'iothread', 'poll', '@max')).toEqual(
      storesPolling ? { live: '50000', config: '70000' } : { live: '-', config: '-' },
    );
    // The size of its thread pool is in the XML.
    await set([int('thread_pool_max', 16)], LIVE);
    await set([int('thread_pool_min', 4)], LIVE);
    expect(await make().both('iothreadids', 'iothread', '@thread_pool_min')).toEqual({
      live: '4',
      config: '-',
    });
    expect(await codeOf(set([int('thread_pool_min', 40)], LIVE))).toBe(ErrorCode.operationInvalid);
    // Set with polling it reaches QEMU, but in libvirt 9.0 not the XML, against which the next call is checked.
    await set([ullong('poll_max_ns', 60_000), int('thread_pool_min', 20), int('thread_pool_max', 30)], LIVE);
    expect(await polling()).toBe(60_000);
    expect(await make().both('iothreadids', 'iothread', '@thread_pool_max')).toEqual({
      live: storesPolling ? '30' : '16',
      config: '-',
    });
    const next = set([int('thread_pool_min', 18)], LIVE);
    if (storesPolling) await next;
    else expect(await codeOf(next)).toBe(ErrorCode.operationInvalid);
    await make().stop();
    await make().start();
    expect(await polling()).toBe(storesPolling ? 70_000 : before);
  });

  test('shares and quotas are set live and in the definition; for a definition the getter returns only what it contains', async () => {
    const domain = await make().have(parts(), 'running');
    const set = (params: CallArgs<'domainSetSchedulerParametersFlags'>['params'], flags: number) =>
      make().connection.call('domainSetSchedulerParametersFlags', { domain, params, flags });
    const get = async (flags: number) => {
      const { params } = await make().connection.call('domainGetSchedulerParametersFlags', {
        domain,
        nparams: 9,
        flags,
      });
      return Object.fromEntries(params.map(({ field, value }) => [field, Number(value)]));
    };
    expect(await get(LIVE)).toMatchObject({ cpu_shares: 1_024, vcpu_period: 100_000, vcpu_quota: -1 });
    expect(await get(CONFIG)).toMatchObject({ cpu_shares: 0, vcpu_period: 0, vcpu_quota: 0 });
    await set([ullong('cpu_shares', 2_048)], LIVE);
    await set([ullong('cpu_shares', 512), llong('vcpu_quota', 50_000)], CONFIG);
    expect(await make().both('cputune', 'shares')).toEqual({ live: '2048', config: '512' });
    expect(await make().both('cputune', 'quota')).toEqual({ live: '-', config: '50000' });
    expect(await get(LIVE)).toMatchObject({ cpu_shares: 2_048, vcpu_quota: -1 });
    expect(await get(CONFIG)).toMatchObject({ cpu_shares: 512, vcpu_quota: 50_000 });
    expect(await codeOf(set([ullong('cpu_shares', 1)], LIVE))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([int('cpu_shares', 5)], LIVE))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([ullong('vcpu_period', 10)], LIVE))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([llong('vcpu_quota', 10)], LIVE))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([ullong('foo', 5)], LIVE))).toBe(ErrorCode.argumentUnsupported);
    const ask = (nparams: number) =>
      make().connection.call('domainGetSchedulerParametersFlags', { domain, nparams, flags: 0 });
    expect(await codeOf(ask(0))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(ask(20))).toBe(ErrorCode.internal);
  });

  test('memory limits: unlimited is none, and swap is never less than memory', async () => {
    const domain = await make().have(parts(), 'running');
    const set = (params: CallArgs<'domainSetMemoryParameters'>['params'], flags: number) =>
      make().connection.call('domainSetMemoryParameters', { domain, params, flags });
    await set([ullong('soft_limit', 3_000_000)], CONFIG);
    await set([ullong('soft_limit', 4_000_000)], LIVE);
    expect(await make().both('memtune', 'soft_limit')).toEqual({ live: '4000000', config: '3000000' });
    await set([ullong('soft_limit', 9_007_199_254_740_991)], BOTH);
    expect(await make().both('memtune', 'soft_limit')).toEqual({ live: '-', config: '-' });
    await set([ullong('hard_limit', 4_000_000)], CONFIG);
    expect(await codeOf(set([ullong('swap_hard_limit', 1_000)], CONFIG))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([ullong('foo', 1_000)], CONFIG))).toBe(ErrorCode.argumentUnsupported);
  });

  test('limits of a disk: a total replaces its parts, and a burst needs its base limit', async () => {
    const domain = await make().have(parts(), 'running');
    const set = (params: CallArgs<'domainSetBlockIoTune'>['params'], flags: number, disk = 'vda') =>
      make().connection.call('domainSetBlockIoTune', { domain, disk, params, flags });
    const limit = (name: string) => make().both('devices', 'disk', 'iotune', name);
    await set([ullong('read_iops_sec', 100), ullong('write_bytes_sec', 5_000_000)], LIVE);
    await set([ullong('total_iops_sec', 700), ullong('total_iops_sec_max', 900)], CONFIG);
    expect(await limit('read_iops_sec')).toEqual({ live: '100', config: '-' });
    expect(await limit('total_iops_sec_max')).toEqual({ live: '-', config: '900' });
    await set([ullong('total_iops_sec', 700)], LIVE);
    expect(await limit('read_iops_sec')).toEqual({ live: '-', config: '-' });
    expect(await limit('write_bytes_sec')).toEqual({ live: '5000000', config: '-' });
    expect(await codeOf(set([ullong('total_iops_sec', 7), ullong('read_iops_sec', 9)], LIVE))).toBe(
      ErrorCode.invalidArg,
    );
    expect(await codeOf(set([ullong('total_iops_sec', 700), ullong('total_iops_sec_max', 9)], LIVE))).toBe(
      ErrorCode.configUnsupported,
    );
    expect(await codeOf(set([ullong('read_bytes_sec_max', 700)], LIVE))).toBe(ErrorCode.configUnsupported);
    expect(await codeOf(set([ullong('total_iops_sec', 0)], LIVE, 'vdz'))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([ullong('total_iops_sec', 0)], CONFIG, 'vdz'))).toBe(ErrorCode.invalidArg);
    await set([ullong('total_iops_sec', 0), ullong('total_iops_sec_max', 0)], CONFIG);
    expect(await make().inactive()).not.toContain('<iotune>');
    const asked = await make().connection.call('domainGetBlockIoTune', {
      domain,
      disk: undefined,
      nparams: 0,
      flags: 0,
    });
    const reported = await make().connection.call('domainGetBlockIoTune', {
      domain,
      disk: 'vda',
      nparams: asked.nparams,
      flags: LIVE | 4,
    });
    expect(reported.params).toHaveLength(asked.nparams);
    expect(reported.params).toContainEqual(ullong('total_iops_sec', 700));
  });

  test('a getter leaves out strings unless they are asked for', async () => {
    const domain = await make().have(parts(), 'running');
    const get = async (flags: number) =>
      (await make().connection.call('domainGetNumaParameters', { domain, nparams: 2, flags })).params;
    expect(await get(LIVE | 4)).toEqual([int('numa_mode', 0), string('numa_nodeset', '')]);
    expect(await get(LIVE)).toEqual([int('numa_mode', 0)]);
  });

  test('cells of a running domain can be changed only where it was started restrictive', async () => {
    const numa = (mode: string) => ({ more: `<numatune><memory mode='${mode}' nodeset='0'/></numatune>` });
    const set = async (params: CallArgs<'domainSetNumaParameters'>['params'], flags: number) =>
      make().connection.call('domainSetNumaParameters', { domain: await make().find(), params, flags });
    await make().have(numa('strict'), 'running');
    expect(await codeOf(set([string('numa_nodeset', '0')], LIVE))).toBe(ErrorCode.operationInvalid);
    expect(await codeOf(set([int('numa_mode', 3)], LIVE))).toBe(ErrorCode.operationInvalid);
    await set([int('numa_mode', 1), string('numa_nodeset', '9')], CONFIG);
    expect(await make().both('numatune', 'memory', '@mode')).toEqual({ live: 'strict', config: 'preferred' });
    expect(await codeOf(set([string('numa_nodeset', 'x')], CONFIG))).toBe(ErrorCode.invalidArg);
    await make().have(numa('restrictive'), 'running');
    await set([string('numa_nodeset', '0')], LIVE);
    expect(await codeOf(set([string('numa_nodeset', '9')], LIVE))).toBe(ErrorCode.configUnsupported);
  });

  test('weights of block I/O', async () => {
    const domain = await make().have(parts(), 'off');
    const set = (params: CallArgs<'domainSetBlkioParameters'>['params']) =>
      make().connection.call('domainSetBlkioParameters', { domain, params, flags: CONFIG });
    await set([uint('weight', 600)]);
    await set([string('device_weight', '/dev/vda,500'), string('device_read_iops_sec', '/dev/vda,40')]);
    const { params } = await make().connection.call('domainGetBlkioParameters', {
      domain,
      nparams: 6,
      flags: CONFIG | 4,
    });
    expect(params).toEqual([
      uint('weight', 600),
      string('device_weight', '/dev/vda,500'),
      string('device_read_iops_sec', '/dev/vda,40'),
      string('device_write_iops_sec', ''),
      string('device_read_bytes_sec', ''),
      string('device_write_bytes_sec', ''),
    ]);
  });

  test("a NIC's limits of a definition, by its address", async () => {
    const domain = await make().have(parts(), 'running');
    const set = (params: CallArgs<'domainSetInterfaceParameters'>['params'], device = MAC) =>
      make().connection.call('domainSetInterfaceParameters', { domain, device, params, flags: CONFIG });
    await set([uint('inbound.average', 1_000), uint('inbound.burst', 2_000)]);
    expect(await make().inactive()).toContain("<inbound average='1000' burst='2000'/>");
    expect(await codeOf(set([uint('inbound.average', 5)], 'vnetX'))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set([uint('foo', 5)]))).toBe(ErrorCode.argumentUnsupported);
    await set([uint('inbound.average', 0)]);
    expect(await make().inactive()).not.toContain('<inbound');
  });

  test('how often the balloon reports, and how large it is', async () => {
    const domain = await make().have(parts(), 'running');
    const period = (periodSeconds: number, flags: number) =>
      make().connection.call('domainSetMemoryStatsPeriod', { domain, periodSeconds, flags });
    const periods = () => make().both('devices', 'memballoon', 'stats', '@period');
    await period(3, LIVE);
    await period(7, CONFIG);
    expect(await periods()).toEqual({ live: '3', config: '7' });
    await period(0, BOTH);
    expect(await periods()).toEqual({ live: '-', config: '-' });
    expect(await codeOf(period(-1, BOTH))).toBe(ErrorCode.invalidArg);
    const memory = (memoryKiB: number, flags: number) =>
      make().connection.call('domainSetMemoryFlags', { domain, memoryKiB, flags });
    await memory(50_000, CONFIG);
    expect((await make().both('currentMemory')).config).toBe('50000');
    expect(await codeOf(memory(900_000, LIVE))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(memory(900_000, CONFIG))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(memory(200_000, LIVE | 4))).toBe(ErrorCode.operationInvalid);
    await make().have({ ...parts(), devices: "<memballoon model='none'/>" }, 'running');
    expect(await codeOf(memory(50_000, LIVE))).toBe(ErrorCode.operationInvalid);
    expect(await codeOf(period(3, LIVE))).toBe(ErrorCode.internal);
  });

  test('vCPUs up to the maximum', async () => {
    const domain = await make().have(parts(), 'off');
    const set = (vcpus: number) =>
      make().connection.call('domainSetVcpusFlags', { domain, vcpus, flags: CONFIG });
    await set(3);
    expect(await make().inactive()).toContain("<vcpu placement='static' current='3'>4</vcpu>");
    await set(4);
    expect(await make().inactive()).toContain("<vcpu placement='static'>4</vcpu>");
    expect(await codeOf(set(5))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set(0))).toBe(ErrorCode.invalidArg);
    const count = async (flags: number) =>
      (await make().connection.call('domainGetVcpusFlags', { domain, flags })).vcpus;
    expect([await count(CONFIG), await count(CONFIG | 4)]).toEqual([4, 4]);
  });

  test('metadata of a private namespace, of the running domain and of the definition', async () => {
    const domain = await make().have(parts(), 'running');
    const set = (metadata: string | undefined, flags: number, key: string | undefined) =>
      make().connection.call('domainSetMetadata', { domain, type: 2, metadata, key, uri: URI, flags });
    const get = async (flags: number) =>
      (await make().connection.call('domainGetMetadata', { domain, type: 2, uri: URI, flags })).metadata;
    expect(await codeOf(get(LIVE))).toBe(ErrorCode.noDomainMetadata);
    await set("<tuned profile='live'/>", LIVE, 'v');
    await set("<tuned profile='config'><a>x</a></tuned>", CONFIG, 'v');
    expect(await get(CURRENT)).toBe('<tuned profile="live"/>');
    expect(await get(CONFIG)).toBe('<tuned profile="config">\n  <a>x</a>\n</tuned>');
    expect(await make().inactive()).toContain(
      `<v:tuned xmlns:v="${URI}" profile="config">\n      <v:a>x</v:a>\n`,
    );
    // An element that declares the prefix itself makes the declaration a duplicate.
    expect(await codeOf(set(`<v:tuned xmlns:v='${URI}'/>`, LIVE, 'v'))).toBe(ErrorCode.internal);
    expect(await codeOf(set('<tuned/>', LIVE, undefined))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set('<tuned', LIVE, 'v'))).toBe(35);
    await set(undefined, BOTH, undefined);
    expect(await codeOf(get(CONFIG))).toBe(ErrorCode.noDomainMetadata);
    expect((await make().inactive()).includes('<metadata')).toBe(make().expected.keepsEmptyMetadata);
  });

  test('the event reports live changes, and not those of the definition alone', async () => {
    const domain = await make().have(parts(), 'running');
    const reported: string[] = [];
    const stop = await make().connection.on(
      'tunable',
      ({ params }) => reported.push(...params.map(({ field }) => field)),
      { domain },
    );
    const { connection } = make();
    await connection.call('domainPinVcpuFlags', { domain, vcpu: 1, map: await map(0), flags: CONFIG });
    await connection.call('domainPinVcpuFlags', { domain, vcpu: 1, map: await map(0), flags: LIVE });
    await connection.call('domainSetSchedulerParametersFlags', {
      domain,
      params: [ullong('cpu_shares', 900)],
      flags: LIVE,
    });
    await expect.poll(() => reported).toEqual(['cputune.vcpupin1', 'cputune.cpu_shares']);
    await stop();
  });
}
