import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { figure, parseExposition } from '../exposition.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { fixed, median, table } from './table.ts';

const SCRAPES = 15;

export async function simulate(path: string, vms: number): Promise<ChildProcess> {
  const simulator = spawn(
    process.execPath,
    [join(import.meta.dirname, 'simulator-process.ts'), path, String(vms)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(simulator.stdout, 'data');
  return simulator;
}

function exporterOf(path: string): VirtuneProcess {
  return new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    `qemu:///system?socket=${path}`,
    '--domain-deadline',
    '10',
    '--scrape-deadline',
    '60',
  );
}

async function measure(vms: number): Promise<string[]> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, vms);
  const virtune = exporterOf(socket.path);
  try {
    await virtune.text();
    await virtune.text();
    const cpu = async () => figure(await virtune.scrape(), 'process_cpu_seconds_total') ?? 0;
    const walls: number[] = [];
    const p99sMs: number[] = [];
    let text = '';
    const cpuBefore = await cpu();
    for (let i = 0; i < SCRAPES; i++) {
      const startedMs = performance.now();
      text = await virtune.text();
      walls.push(performance.now() - startedMs);
      // prom-client clears the histogram at each scrape, so each one reports the time since the previous scrape.
      p99sMs.push(Number(/^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1]) * 1_000);
    }
    const cpuMs = (((await cpu()) - cpuBefore) * 1_000) / (SCRAPES + 1);
    const series = parseExposition(text);
    return [
      String(vms),
      String(series.length),
      fixed(text.length / 1e6),
      fixed(median(walls), 0),
      fixed(cpuMs, 0),
      fixed((cpuMs * 1_000) / vms, 0),
      fixed(median(p99sMs)),
      fixed(virtune.rssKiB / 1_024, 0),
    ];
  } finally {
    await virtune.stop();
    simulator.kill();
    socket.remove();
  }
}

/** Simulated VMs in another process: the cost of a scrape for virtune itself. */
export async function scale(): Promise<string> {
  const rows = [await measure(1_000), await measure(1_250), await measure(5_000)];
  const head = [
    'VMs',
    'series',
    'text MB',
    'scrape ms',
    'CPU ms',
    'CPU µs/VM',
    'loop delay p99 ms',
    'RSS MiB',
  ];
  return `### A scrape of simulated VMs (medians of ${SCRAPES}; CPU is decoding, sampling and encoding together)\n\n${table(head, rows)}`;
}

const SOAK_SCRAPES = 1_000;

/** A thousand consecutive scrapes, and resident memory after each hundred. */
export async function soak(): Promise<string> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, 1_000);
  const virtune = exporterOf(socket.path);
  const rows: string[][] = [];
  try {
    for (let scrape = 1; scrape <= SOAK_SCRAPES; scrape++) {
      await virtune.text();
      if (scrape % 100 === 0) rows.push([String(scrape), fixed(virtune.rssKiB / 1_024, 0)]);
    }
    return `### Memory over ${SOAK_SCRAPES} scrapes of 1,000 simulated VMs\n\n${table(['after scrape', 'RSS MiB'], rows)}`;
  } finally {
    await virtune.stop();
    simulator.kill();
    socket.remove();
  }
}
