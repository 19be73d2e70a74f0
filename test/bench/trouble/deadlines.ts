import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scrapes } from '../../../exporter/prometheus/scrape.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import type { HostSample, Outcome } from '../../../sampler/host-sample.ts';
import { Sampler } from '../../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../../simulator/daemon.ts';
import { findScenario } from '../../../simulator/demo.ts';
import { SimulatedHost } from '../../../simulator/host.ts';
import { withVmCount } from '../../../simulator/scenario.ts';

/** What Prometheus gives by default, less what virtune leaves for the way back. */
const BUDGET_MS = 9_500;
/** Scrapes of each host in trouble; the slowest is told. */
const SCRAPES = 2;

interface Trouble {
  readonly what: string;
  readonly vms: number;
  readonly delayMs: number;
  /** VMs whose QEMU hangs behind the job of another client. */
  readonly hung: number;
}

const TROUBLES: readonly Trouble[] = [
  { what: 'none', vms: 61, delayMs: 0, hung: 0 },
  ...[300, 600, 1_000, 2_000].map((delayMs) => ({
    what: `all replies +${delayMs} ms`,
    vms: 61,
    delayMs,
    hung: 0,
  })),
  { what: '6 hung VMs', vms: 61, delayMs: 0, hung: 6 },
  { what: '6 hung VMs, all replies +300 ms', vms: 61, delayMs: 300, hung: 6 },
  { what: '5,000 VMs', vms: 5_000, delayMs: 0, hung: 0 },
];

/** Of the table of deadlines. */
export const DEADLINES_HEAD = ['trouble', 'slowest scrape s', 'fresh', 'late', 'unresponsive', 'hung'];

/** A row for each trouble of a simulated host: what a scrape takes, gzip included, and how its VMs were told. */
export async function deadlines(): Promise<string[][]> {
  const rows: string[][] = [];
  for (const trouble of TROUBLES) rows.push(await measure(trouble));
  return rows;
}

async function measure({ what, vms, delayMs, hung }: Trouble): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-bench-'));
  const path = join(folder, 'sock');
  const daemon = new SimulatedDaemon(new SimulatedHost(withVmCount(findScenario('calm'), vms)));
  await daemon.listen({ path });
  const sampler = new Sampler({ open: (signal) => connect(`qemu:///system?socket=${path}`, { signal }) });
  try {
    let last: HostSample | undefined;
    const source = {
      get health() {
        return sampler.health;
      },
      sample: async (budgetMs?: number) => {
        last = await sampler.sample(budgetMs);
        return last;
      },
    };
    const scrapes = new Scrapes(source, { onFailure: (error) => console.error(`bench: ${error.message}`) });
    await scrapes.scrape('text', true, BUDGET_MS);
    for (const vm of daemon.host.vms.filter(({ active }) => active).slice(0, hung)) {
      daemon.faults.hang(vm);
      daemon.faults.holdJob(vm);
    }
    daemon.faults.slowMs = delayMs;
    let slowestMs = 0;
    for (let i = 0; i < SCRAPES; i++) {
      const startedMs = performance.now();
      await scrapes.scrape('text', true, BUDGET_MS);
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    }
    const count = (kind: Outcome['kind']): string =>
      String(last?.domains.filter(({ outcome }) => outcome.kind === kind).length ?? 0);
    return [
      what,
      (slowestMs / 1_000).toFixed(2),
      count('fresh'),
      count('late'),
      count('unresponsive'),
      String(hung),
    ];
  } finally {
    daemon.faults.slowMs = 0;
    for (const vm of daemon.host.vms) {
      daemon.faults.unhang(vm);
      daemon.faults.releaseJob(vm);
    }
    await sampler.close();
    await daemon.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
