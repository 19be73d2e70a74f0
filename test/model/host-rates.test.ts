import { expect, test } from 'vitest';
import type { HostFigures } from '../../model/host.ts';
import { cpuShares, hostRates } from '../../model/host-rates.ts';

const times = (figures: Readonly<Record<string, number>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(figures));

test('shares of CPU time leave out guest time, which is within user time', () => {
  const shares = cpuShares(
    times({ user: 0, kernel: 0, idle: 0, iowait: 0, guest: 0 }),
    times({ user: 50, kernel: 10, idle: 30, iowait: 10, guest: 45 }),
  );
  expect(shares).toEqual({ busy: 0.6, user: 0.5, kernel: 0.1, ioWait: 0.1, steal: undefined });
});

test('a CPU whose counters did not move, or that reports no idle time, has no figure', () => {
  expect(cpuShares(times({ user: 5, idle: 5 }), times({ user: 5, idle: 5 }))).toBeUndefined();
  expect(cpuShares(times({ user: 5 }), times({ user: 9 }))).toBeUndefined();
});

test('an idle counter that runs back by a tick makes no share above one', () => {
  const shares = cpuShares(times({ user: 0, idle: 100 }), times({ user: 50, idle: 99 }));
  expect(shares?.busy).toBe(1);
});

const host = (figures: Partial<HostFigures>): HostFigures => ({
  topology: undefined,
  cpusOnline: 1,
  cpusPresent: 1,
  cpuNs: new Map(),
  memoryKiB: new Map(),
  cells: [],
  ksm: new Map(),
  pools: [],
  local: undefined,
  ...figures,
});

test('pressure is the share of time in which tasks waited; each CPU has its own shares', () => {
  const local = (ns: number, pages: number): HostFigures['local'] => ({
    load: undefined,
    pressure: new Map([['memory', { someNs: ns, fullNs: undefined }]]),
    meminfoKiB: new Map(),
    vmstat: new Map([['pswpin', pages]]),
  });
  const rates = hostRates(
    host({ local: local(0, 10), cpuNsByCpu: new Map([[3, times({ user: 0, idle: 0 })]]) }),
    host({ local: local(1e9, 30), cpuNsByCpu: new Map([[3, times({ user: 25, idle: 75 })]]) }),
    2_000,
  );
  expect(rates?.pressure.get('memory')).toEqual({ some: 0.5, full: undefined });
  expect(rates).toMatchObject({ swapIn: 10, swapOut: undefined });
  expect(rates?.byCpu.get(3)?.busy).toBe(0.25);
  expect(hostRates(host({}), host({}), 0)).toBeUndefined();
});
