import { once } from 'node:events';
import { Scrapes } from '../../../exporter/prometheus/scrape.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import type { HostSample, Outcome } from '../../../sampler/host-sample.ts';
import { Sampler } from '../../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../../simulator/daemon.ts';
import { findScenario } from '../../../simulator/demo.ts';
import { SimulatedHost } from '../../../simulator/host.ts';
import { withVmCount } from '../../../simulator/scenario.ts';
import { temporarySocket } from '../../sampler/temporary-socket.ts';
import { simulate } from '../scale.ts';

/** Prometheus' default timeout minus the time that virtune leaves for the response. */
const BUDGET_MS = 9_500;
/** More VMs than these are simulated by another process. */
const IN_PROCESS_MAX = 1_000;
/** Scrapes of each host in trouble; the slowest is reported. */
const SCRAPES = 2;

interface Trouble {
  readonly what: string;
  readonly vms: number;
  readonly delayMs: number;
  /** VMs whose QEMU hangs behind another client's job. */
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

/** Columns of the table of deadlines. */
export const DEADLINES_HEAD = ['trouble', 'slowest scrape s', 'fresh', 'late', 'unresponsive', 'hung'];

/** A row for each trouble of a simulated host: the duration of a scrape including gzip, and the outcomes of its VMs. */
export async function deadlines(): Promise<string[][]> {
  const rows: string[][] = [];
  for (const trouble of TROUBLES) rows.push(await measure(trouble));
  return rows;
}

async function measure(trouble: Trouble): Promise<string[]> {
  const socket = temporarySocket();
  const host =
    trouble.vms > IN_PROCESS_MAX ? await apart(socket.path, trouble) : await within(socket.path, trouble);
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
  });
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
    host.begin();
    let slowestMs = 0;
    for (let i = 0; i < SCRAPES; i++) {
      const startedMs = performance.now();
      await scrapes.scrape('text', true, BUDGET_MS);
      slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    }
    const count = (kind: Outcome['kind']): string =>
      String(last?.domains.filter(({ outcome }) => outcome.kind === kind).length ?? 0);
    return [
      trouble.what,
      (slowestMs / 1_000).toFixed(2),
      count('fresh'),
      count('late'),
      count('unresponsive'),
      String(trouble.hung),
    ];
  } finally {
    await host.end();
    await sampler.close();
    socket.remove();
  }
}

interface TroubledHost {
  /** Starts the trouble. */
  readonly begin: () => void;
  readonly end: () => Promise<void>;
}

async function within(path: string, { vms, delayMs, hung }: Trouble): Promise<TroubledHost> {
  const daemon = new SimulatedDaemon(new SimulatedHost(withVmCount(findScenario('calm'), vms)));
  await daemon.listen({ path });
  return {
    begin: () => {
      for (const vm of daemon.host.vms.filter(({ active }) => active).slice(0, hung)) {
        daemon.faults.hang(vm);
        daemon.faults.holdJob(vm);
      }
      daemon.faults.slowMs = delayMs;
    },
    end: async () => {
      daemon.faults.slowMs = 0;
      for (const vm of daemon.host.vms) {
        daemon.faults.unhang(vm);
        daemon.faults.releaseJob(vm);
      }
      await daemon.stop();
    },
  };
}

/** Many VMs are the trouble itself; in another process they take no CPU time from the exporter's thread. */
async function apart(path: string, { vms }: Trouble): Promise<TroubledHost> {
  const simulator = await simulate(path, vms);
  return {
    begin: () => undefined,
    end: async () => {
      simulator.kill();
      await once(simulator, 'exit');
    },
  };
}
