import { expect, test } from 'vitest';
import { ErrorCode, LifecycleEvent } from '../../../libvirt/constants.ts';
import { parseCapabilities } from '../../../model/topology.ts';
import { CONFIG, codeOf, type Parts, type Throwaway, uint, ullong } from './throwaway.ts';

const PAGE_KIB = 2_048;
const PAGES = 32;

/** Starting and stopping, and the host resources that a start takes. */
export function startContract(make: () => Throwaway): void {
  const pool = async (): Promise<{ total: number; free: number }> => {
    const { connection } = make();
    const { xml } = await connection.call('connectGetCapabilities', undefined);
    const total =
      parseCapabilities(xml).cells[0]?.pages.find(({ sizeKiB }) => sizeKiB === PAGE_KIB)?.total ?? 0;
    const { counts } = await connection.call('nodeGetFreePages', {
      pageSizesKiB: [PAGE_KIB],
      startCell: 0,
      cellCount: 1,
      flags: 0,
    });
    return { total, free: Number(counts[0]) };
  };
  const resize = (count: number, sizeKiB = PAGE_KIB, startCell = 0, flags = 1) =>
    make().connection.call('nodeAllocPages', {
      pageSizesKiB: [sizeKiB],
      counts: [count],
      startCell,
      cellCount: 1,
      flags,
    });
  const hugepages = (size: string): Parts => ({
    more: `<memoryBacking><hugepages><page ${size}/></hugepages></memoryBacking><numatune><memory mode='strict' nodeset='0'/></numatune>`,
  });

  test('an impossible start fails with libvirt’s error number and leaves the domain off; the old definition still starts', async () => {
    const impossible: readonly [what: string, parts: Parts, code: number][] = [
      [
        'a cell that the host does not have',
        { more: "<numatune><memory mode='strict' nodeset='9'/></numatune>" },
        67,
      ],
      ['pages of a size that the host does not have', hugepages("size='3' unit='MiB'"), ErrorCode.internal],
      [
        'a CPU that the host does not have',
        { more: "<cputune><vcpupin vcpu='0' cpuset='999'/></cputune>" },
        38,
      ],
      ['a queue of 300 entries', { disks: make().disk("queue_size='300'") }, ErrorCode.internal],
    ];
    await make().have();
    const good = await make().inactive();
    for (const [what, parts, code] of impossible) {
      await make().define(make().xml(parts));
      expect([what, await codeOf(make().start())]).toEqual([what, code]);
      expect((await make().find()).id).toBe(-1);
    }
    await make().define(good);
    expect((await make().start()).id).toBeGreaterThan(0);
  });

  test('what the API accepted into a definition unchecked, the start rejects', async () => {
    const domain = await make().have();
    const shares = (count: number) =>
      make().connection.call('domainSetSchedulerParametersFlags', {
        domain,
        params: [ullong('cpu_shares', count)],
        flags: CONFIG,
      });
    await shares(1);
    expect(await codeOf(make().start())).toBe(make().expected.shareOfOne.start);
    await shares(0);
    expect(await codeOf(make().start())).toBe(ErrorCode.invalidArg);
  });

  test('hugepages are free until a domain starts with them, and free again when it ends', async () => {
    const { total } = await pool();
    await make().have(hugepages("size='2' unit='MiB'"));
    try {
      await resize(total + PAGES);
      const { free } = await pool();
      await make().start();
      expect((await pool()).free).toBe(free - PAGES);
      // The kernel does not remove pages that are in use.
      await make().stop();
      await expect.poll(async () => (await pool()).free).toBe(free);
    } finally {
      await resize(total);
    }
  });

  test('without enough free hugepages a domain does not start', async () => {
    const { total, free } = await pool();
    await make().have({ ...hugepages("size='2' unit='MiB'"), memoryMiB: (free + PAGES) * 2 });
    expect(await codeOf(make().start())).toBe(ErrorCode.internal);
    expect(await pool()).toEqual({ total, free });
  });

  test('a pool grows by a number or to a number of pages, and an impossible size is refused', async () => {
    const { total } = await pool();
    try {
      await resize(8, PAGE_KIB, 0, 0);
      expect((await pool()).total).toBe(total + 8);
      await resize(total + 12);
      expect((await pool()).total).toBe(total + 12);
      expect(await codeOf(resize(1, 3))).toBe(ErrorCode.operationFailed);
      expect(await codeOf(resize(1, 4))).toBe(ErrorCode.operationUnsupported);
      expect(await codeOf(resize(1, PAGE_KIB, 99))).toBe(ErrorCode.internal);
    } finally {
      await resize(total);
    }
    expect((await pool()).total).toBe(total);
  });

  test('KSM has knobs, and read-only figures', async () => {
    const { connection } = make();
    const { nparams } = await connection.call('nodeGetMemoryParameters', { nparams: 0, flags: 0 });
    const { params } = await connection.call('nodeGetMemoryParameters', { nparams, flags: 0 });
    const pages = params.find(({ field }) => field === 'shm_pages_to_scan');
    expect(params).toHaveLength(nparams);
    const set = (param: (typeof params)[number]) =>
      connection.call('nodeSetMemoryParameters', { params: [param], flags: 0 });
    await set(uint('shm_pages_to_scan', Number(pages?.value)));
    expect(await codeOf(set(ullong('shm_pages_to_scan', 100)))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(set(ullong('shm_pages_shared', 100)))).toBe(ErrorCode.argumentUnsupported);
  });

  test('what a machine type offers is reported by name and by alias, and for no unknown type', async () => {
    const ask = (machine: string, emulator?: string) =>
      make().connection.call('connectGetDomainCapabilities', {
        emulator,
        arch: undefined,
        machine,
        virtType: make().target.domainType,
        flags: 0,
      });
    const { xml } = await ask('q35');
    expect(xml).toContain(`<vcpu max='${make().expected.q35VcpusMax}'/>`);
    expect(xml).toContain("<enum name='bus'>");
    expect(xml).toMatch(/<machine>pc-q35-\d/);
    expect(await codeOf(ask('pc-q35-99'))).toBe(ErrorCode.invalidArg);
    expect(await codeOf(ask('q35', '/no/such/qemu'))).toBe(ErrorCode.systemError);
  });

  test('the life cycle of a domain is reported in events, in their order', async () => {
    await make().remove();
    const events: number[] = [];
    const stop = await make().connection.on('lifecycle', ({ domain, event }) => {
      if (domain.name.startsWith('vt-throwaway')) events.push(event);
    });
    await make().have();
    await make().start();
    expect(await codeOf(make().start())).toBe(ErrorCode.operationInvalid);
    await make().stop();
    expect(await codeOf(make().stop())).toBe(ErrorCode.operationInvalid);
    await make().remove();
    const { defined, started, suspended, shutdown, stopped, undefined: gone } = LifecycleEvent;
    // A paused start reports its two events in an order that depends on the version.
    const halves = new Set<number>([started, suspended]);
    await expect
      .poll(() => events.filter((event) => !halves.has(event)))
      .toEqual([defined, shutdown, stopped, gone]);
    expect(events.slice(1, 3).sort()).toEqual([...halves].sort());
    await stop();
  });
}
