import { PassThrough, Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';
import type { TopFlags } from '../../cli/top/flags.ts';
import { groupsToAsk, openHosts } from '../../cli/top/sources.ts';
import { connect } from '../../libvirt/client/connect.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import { type Scene, sceneOf } from '../../tui/model/host-view.ts';
import { render } from '../../tui/render/frame.ts';
import { INITIAL_STATE, type UiState } from '../../tui/state/state.ts';
import { Terminal } from '../../tui/terminal/terminal.ts';
import { themes } from '../../tui/text/theme.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { VIRTUNE } from '../virtune-process.ts';
import { OnTerminal, SIZE } from './on-terminal.ts';
import { simulate } from './scale.ts';
import { fixed, median, table } from './table.ts';

const STARTS = 7;
const WARM_UP = 10;
const TICKS = 20;
/** The defaults of `virtune top`. */
const FLAGS: TopFlags = {
  color: true,
  mouse: true,
  config: false,
  domainDeadline: 10,
  'path.procfs': '/proc',
};
const FRAMES = 10_000;
/** A first frame that has VMs. */
const FILLED = /\d+ VMs.*running/s;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function starts(): Promise<string> {
  const times: number[] = [];
  const cpu: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const console = new OnTerminal([...VIRTUNE, 'top', '--no-config', '--demo'], FILLED);
    times.push(await console.firstFrameMs());
    cpu.push(console.cpuMs);
    await console.stop();
  }
  const head = ['virtune top --demo', 'median ms', 'fastest ms', 'slowest ms', 'CPU ms (median)'];
  const row = [
    'start to first frame',
    ...[median(times), Math.min(...times), Math.max(...times), median(cpu)].map((ms) => fixed(ms, 0)),
  ];
  return `### Start to first frame (simulator in the same process, ${STARTS} starts)\n\n${table(head, [row])}`;
}

/** A terminal that only counts the bytes it receives. */
function sink(): { output: WriteStream; bytes: () => number } {
  let bytes = 0;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done();
    },
  });
  return {
    output: Object.assign(output, { columns: SIZE.width, rows: SIZE.height }) as unknown as WriteStream,
    bytes: () => bytes,
  };
}

/** Everything the console does in a tick, without simulator and terminal: sample, compute, draw, write changes. */
async function watch(vms: number): Promise<string[]> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, vms);
  const uri = `qemu:///system?socket=${socket.path}`;
  const [host] = await openHosts([uri], FLAGS);
  const { output, bytes } = sink();
  const input = Object.assign(new PassThrough(), {
    setRawMode: () => undefined,
    isRaw: true,
  }) as unknown as ReadStream;
  const nothing = (): void => undefined;
  const terminal = new Terminal({
    input,
    output,
    term: 'xterm-256color',
    unicode: true,
    colours: 256,
    mouse: false,
    onKey: nothing,
    onMouse: nothing,
    onResize: nothing,
  });
  try {
    if (host === undefined) throw new Error('no host');
    const model = new HostModel({ name: 'host', uri, groups: host.groups });
    let [cpuMs, before] = [0, 0];
    for (let tick = 0; tick < WARM_UP + TICKS; tick++) {
      if (tick === WARM_UP) [cpuMs, before] = [cpuNowMs(), bytes()];
      const startedMs = performance.now();
      model.ingest(await host.sample());
      const frame = render({
        scene: sceneOf([model.view], Date.now()),
        state: INITIAL_STATE,
        session,
        size: SIZE,
      });
      terminal.paint(frame.lines, themes.dark);
      await pause(Math.max(0, 1_000 - (performance.now() - startedMs)));
    }
    const perTick = (cpuNowMs() - cpuMs) / TICKS;
    return [String(vms), fixed(perTick), fixed(perTick / 10), fixed((bytes() - before) / TICKS / 1_024)];
  } finally {
    terminal.close();
    await host?.close();
    simulator.kill();
    socket.remove();
  }
}

async function watching(): Promise<string> {
  const head = ['VMs', 'CPU ms per tick', '% of one core at 1 s', 'KiB written per frame'];
  const rows = [await watch(200), await watch(2_000)];
  return `### Watching at 1 s, ${SIZE.width} x ${SIZE.height}, simulator in another process (mean of ${TICKS} ticks)\n\n${table(head, rows)}`;
}

/** What findings add to a tick on a host where most VMs wait: each tick recomputes them from the last 30 samples. */
async function findings(): Promise<string> {
  const head = ['VMs', 'VMs that findings name', 'CPU ms: sample, rates, frame', 'CPU ms: findings'];
  const rows = [await findingsOf(200), await findingsOf(1_000)];
  return `### Findings, simulator in another process (median of ${TICKS} ticks after 30)\n\n${table(head, rows)}`;
}

async function findingsOf(vms: number): Promise<string[]> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, vms);
  const uri = `qemu:///system?socket=${socket.path}`;
  const [host] = await openHosts([uri], FLAGS);
  try {
    if (host === undefined) throw new Error('no host');
    const model = new HostModel({ name: 'host', uri, groups: host.groups });
    const [ticks, advice]: [number[], number[]] = [[], []];
    for (let tick = 0; tick < 30 + TICKS; tick++) {
      const startedMs = cpuNowMs();
      const { advice: found } = model.ingest(await host.sample());
      const ingestedMs = cpuNowMs();
      void found.all;
      const advisedMs = cpuNowMs();
      render({
        scene: sceneOf([model.view], Date.now()),
        state: INITIAL_STATE,
        session,
        size: SIZE,
      });
      if (tick < 30) continue;
      ticks.push(ingestedMs - startedMs + cpuNowMs() - advisedMs);
      advice.push(advisedMs - ingestedMs);
    }
    const named = new Set(model.view.advice.all.flatMap(({ victims }) => victims.map(({ uuid }) => uuid)));
    return [String(vms), String(named.size), fixed(median(ticks)), fixed(median(advice))];
  } finally {
    await host?.close();
    simulator.kill();
    socket.remove();
  }
}

/** Scenes of 2,000 VMs, sampled once and replayed with a later time. */
async function samples(count: number): Promise<readonly [HostSample, HostSample]> {
  const socket = temporarySocket();
  const simulator = await simulate(socket.path, count);
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { readOnly: true, signal }),
    groups: groupsToAsk(),
    domainDeadlineMs: 30_000,
    tickDeadlineMs: 120_000,
  });
  await sampler.sample();
  const first = await sampler.sample();
  await pause(1_000);
  const second = await sampler.sample();
  await sampler.close();
  simulator.kill();
  socket.remove();
  return [first, second];
}

function cpuNowMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const session = { replay: undefined, recording: undefined };

async function frames(): Promise<string> {
  const [first, second] = await samples(2_000);
  const model = new HostModel({ name: 'host', uri: 'qemu:///system', groups: groupsToAsk() });
  model.ingest(first);
  const rows: string[][] = [];
  const measure = (name: string, change: Partial<UiState>, isNew: boolean): void => {
    const state = { ...INITIAL_STATE, ...change };
    const times: number[] = [];
    let scene: Scene = sceneOf([model.view], 0);
    for (let frame = 0; frame < 200; frame++) {
      // A new sample sorts again; a key only draws.
      if (isNew || frame === 0) scene = sceneOf([model.view], frame);
      const startedMs = performance.now();
      render({ scene, state, session, size: SIZE });
      times.push(performance.now() - startedMs);
    }
    const sorted = times.slice(50).sort((a, b) => a - b);
    rows.push([name, fixed(median(sorted), 2), fixed(sorted[Math.floor(sorted.length * 0.95)] ?? 0, 2)]);
  };
  model.ingest(second);
  measure('VMs, after a sample', {}, true);
  measure('VMs, after a key', {}, false);
  measure(
    'VMs, filtered and sorted by steal',
    {
      filter: 'web|pg',
      sorts: { ...INITIAL_STATE.sorts, vms: { column: 'steal_percent', descending: true } },
    },
    true,
  );
  measure('disks, after a sample', { view: 'disks' }, true);
  const key = model.view.vms.find((vm) => vm.name === 'pg-orders')?.key ?? '';
  measure('details with six charts', { detail: { key, part: 'all', top: 0, chart: undefined } }, true);
  return `### A frame of 2,000 VMs, ${SIZE.width} x ${SIZE.height} (200 frames)\n\n${table(['frame', 'CPU ms', 'wall median', 'wall least'], rows)}`;
}

async function growth(): Promise<string> {
  const [first, second] = await samples(200);
  const model = new HostModel({ name: 'host', uri: 'qemu:///system', groups: groupsToAsk() });
  const rows: string[][] = [];
  for (let frame = 1; frame <= FRAMES; frame++) {
    const atMs = first.startedAtMs + frame * 1_000;
    model.ingest({ ...(frame % 2 === 0 ? first : second), startedAtMs: atMs });
    render({ scene: sceneOf([model.view], atMs), state: INITIAL_STATE, session, size: SIZE });
    if (frame % 2_000 === 0 || frame === 1_000) {
      globalThis.gc?.();
      rows.push([
        String(frame),
        fixed(process.memoryUsage().heapUsed / 2 ** 20),
        fixed(process.memoryUsage().arrayBuffers / 2 ** 20),
      ]);
    }
  }
  return `### Memory over ${FRAMES} samples and frames of 200 VMs, after a full collection\n\n${table(['after', 'heap MiB', 'history MiB'], rows)}`;
}

/** The live console: startup time, cost, speed, and memory growth. */
export async function top(): Promise<string> {
  return [await starts(), await watching(), await findings(), await frames(), await growth()].join('\n\n');
}
