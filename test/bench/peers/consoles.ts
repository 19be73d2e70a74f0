import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { libvirtdPid } from '../../live/lab/daemon.ts';
import { upHere } from '../../live/setup-lab.ts';
import { VIRTUNE } from '../../virtune-process.ts';
import { AWAKE_NOTE, keepAwake } from '../keep-awake.ts';
import { OnTerminal, SIZE } from '../on-terminal.ts';
import { cpuMs, rssMiB } from '../process-usage.ts';
import { fixed, median, table } from '../table.ts';

const GUESTS = Number(process.env['VIRTUNE_BENCH_GUESTS'] ?? 60);
const ROUNDS = 3;
const WARM_UP_S = 10;
const WATCHED_S = 60;
/** Seconds between two samples: the shortest interval of virt-top, and its default. */
const EVERY_S = [1, 3];
/** Names of the lab's guests in a frame. */
const FILLED = /vt-bare-0\d\d/;

const CONSOLES: readonly (readonly [string, (everyS: number) => readonly string[]])[] = [
  ['virtune top', (everyS) => [...VIRTUNE, 'top', '--no-config', '--delay', `${everyS}s`]],
  ['virt-top', (everyS) => ['virt-top', '--connect', 'qemu:///system', '-d', String(everyS)]],
];

interface Watched {
  readonly startMs: number;
  readonly tickCpuMs: number;
  readonly libvirtdCpuMs: number;
  readonly rssMiB: number;
}

/** Runs each console alone, since two would wait for the same monitors. */
async function watch(command: readonly string[], everyS: number): Promise<Watched> {
  const console = new OnTerminal(command, FILLED);
  try {
    const startMs = await console.firstFrameMs();
    await delay(WARM_UP_S * 1_000);
    const daemon = libvirtdPid() as number;
    const [own, its] = [console.cpuMs, cpuMs(daemon)];
    await delay(WATCHED_S * 1_000);
    const ticks = WATCHED_S / everyS;
    return {
      startMs,
      tickCpuMs: (console.cpuMs - own) / ticks,
      libvirtdCpuMs: (cpuMs(daemon) - its) / ticks,
      rssMiB: rssMiB(console.pid),
    };
  } finally {
    await console.stop();
  }
}

/** virtune top and virt-top on the same real guests; Debian 13 packages virt-top. */
export async function consoles(): Promise<string> {
  execFileSync('virt-top', ['--version']);
  await upHere(GUESTS);
  const rest = keepAwake();
  try {
    return await tableOf();
  } finally {
    rest();
  }
}

async function tableOf(): Promise<string> {
  const rows: string[][] = [];
  for (const everyS of EVERY_S) {
    const watched = CONSOLES.map((): Watched[] => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [index, [, command]] of CONSOLES.entries())
        watched[index]?.push(await watch(command(everyS), everyS));
    for (const [index, [name]] of CONSOLES.entries()) {
      const of = (figure: keyof Watched): number =>
        median((watched[index] ?? []).map((each) => each[figure]));
      rows.push([
        `${name}, every ${everyS} s`,
        fixed(of('startMs'), 0),
        fixed(of('tickCpuMs')),
        fixed(of('libvirtdCpuMs')),
        fixed(of('rssMiB'), 0),
      ]);
    }
  }
  const head = ['', 'start to first VM, ms', 'CPU ms per tick', "libvirtd's CPU ms per tick", 'RSS MiB'];
  return `### Consoles on ${GUESTS + 1} real guests, ${SIZE.width} x ${SIZE.height} (medians of ${ROUNDS} runs of ${WATCHED_S} s, in turn${AWAKE_NOTE})\n\n${table(head, rows)}`;
}
