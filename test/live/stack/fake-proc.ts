import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The condition of a host, as its kernel would report it. */
export interface HostCondition {
  /** Share of the time that some or all tasks wait, by resource. */
  readonly pressure: Readonly<
    Record<'cpu' | 'memory' | 'io', { readonly some: number; readonly full: number }>
  >;
  /** CPU utilization, 0 to 1. */
  readonly busy: number;
  readonly swapInPagesPerSecond: number;
  readonly memoryGiB: number;
  readonly availableGiB: number;
}

const REFRESH_MS = 250;
const GIB_KIB = 1_048_576;
/** As on the scenarios' hosts. */
const CPUS = 32;

/** Fakes files of /proc for a simulated host, so that virtune reads them like those of a real one. */
export function startFakeProc(condition: HostCondition): { readonly folder: string; stop(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-proc-'));
  mkdirSync(join(folder, 'pressure'));
  const startedMs = performance.now();
  const write = (): void => {
    const seconds = (performance.now() - startedMs) / 1_000;
    for (const [path, text] of Object.entries(filesAt(condition, seconds))) {
      writeFileSync(join(folder, path), text);
    }
  };
  write();
  const timer = setInterval(write, REFRESH_MS);
  return {
    folder,
    stop: () => {
      clearInterval(timer);
      rmSync(folder, { recursive: true });
    },
  };
}

function filesAt(condition: HostCondition, seconds: number): Record<string, string> {
  const { pressure, busy, swapInPagesPerSecond, memoryGiB, availableGiB } = condition;
  const micros = (share: number): number => Math.round(share * seconds * 1e6);
  const cpu = (cpus: number): string => {
    const ticks = (share: number): number => Math.round(share * cpus * seconds * 100);
    return `${ticks(busy * 0.87)} 0 ${ticks(busy * 0.13)} ${ticks(1 - busy)} 0 0 0 0 ${ticks(busy * 0.8)} 0`;
  };
  const each = Array.from({ length: CPUS }, (_, id) => `cpu${id} ${cpu(1)}\n`).join('');
  return {
    stat: `cpu  ${cpu(CPUS)}\n${each}intr 1\n`,
    loadavg: '14.2 13.9 12.1 3/900 4242\n',
    meminfo: `MemTotal: ${memoryGiB * GIB_KIB} kB\nMemAvailable: ${Math.round(availableGiB * GIB_KIB)} kB\nSwapTotal: ${8 * GIB_KIB} kB\nSwapFree: ${5 * GIB_KIB} kB\n`,
    vmstat: `pswpin ${Math.round(swapInPagesPerSecond * seconds)}\npswpout ${Math.round(swapInPagesPerSecond * seconds)}\noom_kill 0\n`,
    zoneinfo: zoneinfo((availableGiB * GIB_KIB) / 4),
    ...Object.fromEntries(
      Object.entries(pressure).map(([resource, { some, full }]) => [
        `pressure/${resource}`,
        `some avg10=0.00 avg60=0.00 avg300=0.00 total=${micros(some)}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=${micros(full)}\n`,
      ]),
    ),
  };
}

function zoneinfo(availablePages: number): string {
  return [0, 1]
    .map(
      (node) =>
        `Node ${node}, zone   Normal\n  per-node stats\n      nr_inactive_file 1000\n      nr_active_file 1000\n      nr_slab_reclaimable 1000\n  pages free     ${Math.round(availablePages / 2)}\n        low      100\n`,
    )
    .join('');
}
