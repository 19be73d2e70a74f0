import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { median, table } from '../bench/table.ts';
import { figure, type Series } from '../exposition.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { Churn } from './soak/churn.ts';

/** Prometheus' usual interval; a day has 5,760 samples, which `.ci/nightly` takes. */
const INTERVAL_MS = 15_000;
const SAMPLES = Number(process.env['VIRTUNE_SOAK_SAMPLES'] ?? 12);
/** Samples of the largest host; an hour's in the nightly run. */
const LARGE_SAMPLES = Number(process.env['VIRTUNE_SOAK_LARGE_SAMPLES'] ?? 0);
const CHURN_PER_SAMPLE = 15;
/** With fewer samples than this the heap has not reached its steady size. */
const LEVEL_SAMPLES = 1_000;

/**
 * Metrics that differ in a fresh exporter: counts since its start and figures about itself, rates between its samples,
 * and what is read less often than each sample.
 */
const NOT_COMPARED =
  /^(process_|nodejs_|virtune_|libvirt_domain_events_total|libvirt_host_vcpu_(contention_ratio|delay_cpus)|libvirt_storage_pool_)/;

interface Held {
  readonly sample: number;
  readonly rssMiB: number;
  readonly files: number;
  readonly handles: number;
}

/** A simulated host whose clock is advanced by the test. */
class Simulated {
  readonly #socket = temporarySocket();
  #child: ChildProcess | undefined;
  #lines: AsyncIterator<string> | undefined;

  get uri(): string {
    return `qemu:///system?socket=${this.#socket.path}`;
  }

  async start(vms: number): Promise<void> {
    const script = join(import.meta.dirname, 'soak/clocked-simulator.ts');
    const child = spawn(process.execPath, [script, this.#socket.path, String(vms)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await this.#lines.next();
  }

  async pass(ms: number): Promise<void> {
    this.#child?.stdin?.write(`${ms}\n`);
    await this.#lines?.next();
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode === null) {
      const ended = once(child, 'close');
      child.stdin?.end();
      await ended;
    }
    this.#socket.remove();
  }
}

const exporterOf = (uri: string): VirtuneProcess =>
  new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--connect',
    uri,
    '--domain-deadline',
    '10',
    '--scrape-deadline',
    '60',
  );

/** Figures of the host and its VMs as text, sorted. */
function figuresOf(series: readonly Series[]): string[] {
  return series
    .filter(({ name }) => !NOT_COMPARED.test(name))
    .map(({ name, labels, value }) => `${name}${JSON.stringify(Object.entries(labels).sort())} ${value}`)
    .sort();
}

function heldBy(virtune: VirtuneProcess, sample: number, series: readonly Series[]): Held {
  const handles = series
    .filter(({ name }) => name === 'nodejs_active_resources')
    .reduce((sum, { value }) => sum + value, 0);
  return {
    sample,
    rssMiB: virtune.rssKiB / 1_024,
    files: readdirSync(`/proc/${virtune.pid}/fd`).length,
    handles,
  };
}

async function soak(vms: number, samples: number): Promise<Held[]> {
  const host = new Simulated();
  let writer: Connection | undefined;
  let virtune: VirtuneProcess | undefined;
  const held: Held[] = [];
  try {
    await host.start(vms);
    writer = await connect(host.uri, { readOnly: false });
    const churn = new Churn(writer, 1);
    virtune = exporterOf(host.uri);
    await virtune.scrape();
    const checkEvery = Math.ceil(samples / (samples < LEVEL_SAMPLES ? 3 : 12));
    for (let sample = 1; sample <= samples; sample++) {
      for (let round = 0; round < CHURN_PER_SAMPLE; round++) await churn.round();
      await host.pass(INTERVAL_MS);
      await virtune.text();
      if (sample % checkEvery !== 0) continue;
      const fresh = exporterOf(host.uri);
      try {
        // With so many VMs, the deadline may leave gaps in the first sample.
        await fresh.text();
        await host.pass(INTERVAL_MS);
        const series = await virtune.scrape();
        held.push(heldBy(virtune, sample, series));
        expect(figure(series, 'libvirt_domains')).toBe(vms);
        expect(figuresOf(series), `sample ${sample}`).toEqual(figuresOf(await fresh.scrape()));
      } finally {
        await fresh.stop();
      }
    }
  } finally {
    await virtune?.stop();
    await writer?.close();
    await host.stop();
  }
  return held;
}

function report(vms: number, held: readonly Held[]): void {
  const rows = held.map(({ sample, rssMiB, files, handles }) =>
    [sample, rssMiB.toFixed(0), files, handles].map(String),
  );
  console.log(`${vms} VMs\n${table(['after sample', 'RSS MiB', 'open files', 'handles'], rows)}`);
}

function expectLevel(held: readonly Held[]): void {
  const [first, ...later] = held as [Held, ...Held[]];
  for (const each of later) {
    expect(each.files).toBeLessThanOrEqual(first.files + 2);
    expect(each.handles).toBeLessThanOrEqual(first.handles + 2);
  }
  if ((later.at(-1)?.sample ?? 0) < LEVEL_SAMPLES) return;
  const half = later.length >> 1;
  const rss = (of: readonly Held[]): number => median(of.map(({ rssMiB }) => rssMiB));
  expect(rss(later.slice(half))).toBeLessThan(rss(held.slice(0, half + 1)) * 1.1);
}

test(
  'a thousand VMs that start, stop, move and are renamed: what the exporter holds stays level, and its figures are those of a fresh one',
  async () => {
    const held = await soak(1_000, SAMPLES);
    report(1_000, held);
    expectLevel(held);
  },
  SAMPLES * 5_000 + 120_000,
);

test.runIf(LARGE_SAMPLES > 0)(
  `five thousand VMs, for ${LARGE_SAMPLES} samples`,
  async () => {
    const held = await soak(5_000, LARGE_SAMPLES);
    report(5_000, held);
    expectLevel(held);
  },
  LARGE_SAMPLES * 20_000 + 120_000,
);
