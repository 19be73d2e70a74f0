import { Gauge, Registry } from 'prom-client';
import { encodeSample } from '../../exporter/prometheus/encode.ts';
import { TextBuffer } from '../../exporter/prometheus/text-buffer.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { parseExposition, type Series } from '../exposition.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { simulate } from './scale.ts';
import { fixed, median, table } from './table.ts';

/** 100,000 series: the simulator has about 80 per VM. */
const VMS = 1_250;
const ROUNDS = 15;

async function cpuMsOf(run: () => Promise<unknown> | unknown): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** The same series as prom-client is meant to be used: set each one in a gauge, then render the text. */
class PromClient {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();

  constructor(series: readonly Series[]) {
    for (const { name } of series) {
      if (this.#gauges.has(name)) continue;
      const labelNames = [
        ...new Set(series.filter((each) => each.name === name).flatMap((each) => Object.keys(each.labels))),
      ];
      this.#gauges.set(name, new Gauge({ name, help: 'x', labelNames, registers: [this.#registry] }));
    }
  }

  text(series: readonly Series[]): Promise<string> {
    for (const gauge of this.#gauges.values()) gauge.reset();
    for (const { name, labels, value } of series) this.#gauges.get(name)?.set(labels, value);
    return this.#registry.metrics();
  }
}

export async function encode(): Promise<string> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, VMS);
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
    domainDeadlineMs: 10_000,
    tickDeadlineMs: 60_000,
  });
  try {
    await sampler.sample();
    const sample = await sampler.sample();
    let memory: Buffer | undefined;
    const ours = (): string => {
      const text = new TextBuffer(memory);
      for (const _ of encodeSample(text, sample, 'text'));
      memory = text.memory;
      return text.bytes().toString();
    };
    const series = parseExposition(ours());
    const promClient = new PromClient(series);
    const cpus: [number[], number[]] = [[], []];
    for (let round = -3; round < ROUNDS; round++) {
      const pair = [await cpuMsOf(ours), await cpuMsOf(() => promClient.text(series))] as const;
      if (round >= 0) for (const index of [0, 1] as const) cpus[index].push(pair[index]);
    }
    const [mine, theirs] = [median(cpus[0]), median(cpus[1])];
    const rows = [
      ['virtune', String(series.length), fixed(mine, 0), fixed(theirs / mine)],
      ['prom-client', String(series.length), fixed(theirs, 0), '1.0'],
    ];
    return `### Encoding one sample (CPU ms, medians of ${ROUNDS} rounds in turn)\n\n${table(['', 'series', 'CPU ms', "prom-client's / this"], rows)}`;
  } finally {
    await sampler.close();
    simulator.kill();
    socket.remove();
  }
}
