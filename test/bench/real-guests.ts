import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseExposition } from '../exposition.ts';
import { up } from '../live/lab/main.ts';
import { until } from '../live/lab/run.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { fixed, median, table } from './table.ts';

const GUESTS = 60;
const ROUNDS = 21;
const DEBIAN_PORT = 19_191;
const TICKS_PER_SECOND = 100;

/** CPU time of a process so far, ms (proc(5), fields 14 and 15 of stat). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}

function rssMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}

interface Contender {
  readonly name: string;
  readonly walls: number[];
  readonly cpus: number[];
  run(): Promise<string>;
  cpu(): number;
  rss(): string;
  /** Series of a VM that is in all of them. */
  series(text: string): string;
}

const SERIES_OF = (domain: string) => (text: string) =>
  String(parseExposition(text).filter((each) => each.labels['domain'] === domain).length);

/** virtune, Debian's exporter and one bulk call by virsh, in turn, over the same guests. */
export async function realGuests(): Promise<string> {
  await up(GUESTS);
  const virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  const debian = spawn(
    'prometheus-libvirt-exporter',
    [`--web.listen-address=127.0.0.1:${DEBIAN_PORT}`, '--libvirt.uri=qemu:///system'],
    { stdio: 'ignore' },
  );
  const debianText = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${DEBIAN_PORT}/metrics`)).text();
  await until("Debian's exporter", 20_000, async () => (await debianText()).includes('libvirt_up 1'));
  let virshCpu = 0;
  const contenders: Contender[] = [
    {
      name: 'virtune',
      walls: [],
      cpus: [],
      run: () => virtune.text(),
      cpu: () => cpuMs(virtune.pid),
      rss: () => fixed(rssMiB(virtune.pid), 0),
      series: SERIES_OF('vt-bare-000'),
    },
    {
      name: 'prometheus-libvirt-exporter',
      walls: [],
      cpus: [],
      run: debianText,
      cpu: () => cpuMs(debian.pid as number),
      rss: () => fixed(rssMiB(debian.pid as number), 0),
      series: SERIES_OF('vt-bare-000'),
    },
    {
      name: 'virsh domstats (one bulk call)',
      walls: [],
      cpus: [],
      run: async () => {
        const text = execFileSync('sh', ['-c', 'virsh domstats; times'], {
          encoding: 'utf8',
          maxBuffer: 1e9,
        });
        const [, minutes, seconds] = /(\d+)m([\d.]+)s \d+m[\d.]+s\n$/.exec(text) ?? [];
        virshCpu += (Number(minutes) * 60 + Number(seconds)) * 1_000;
        return text;
      },
      cpu: () => virshCpu,
      rss: () => '-',
      series: () => '-',
    },
  ];
  const series: string[] = [];
  try {
    for (let round = -2; round < ROUNDS; round++) {
      for (const [index, contender] of contenders.entries()) {
        const cpuBefore = contender.cpu();
        const startedMs = performance.now();
        const text = await contender.run();
        if (round < 0) {
          series[index] = contender.series(text);
          continue;
        }
        contender.walls.push(performance.now() - startedMs);
        contender.cpus.push(contender.cpu() - cpuBefore);
      }
    }
    const ours = contenders[0]?.walls ?? [];
    const rows = contenders.map((contender, index) => [
      contender.name,
      fixed(median(contender.walls), 0),
      // Round by round, so that a machine whose speed drifts does not decide.
      fixed(median(ours.map((wall, round) => wall / (contender.walls[round] ?? Number.NaN))), 2),
      fixed(contender.cpus.reduce((a, b) => a + b, 0) / ROUNDS),
      series[index] ?? '-',
      contender.rss(),
    ]);
    const head = ['', 'wall ms', "virtune's wall / this", 'own CPU ms', 'series a VM', 'RSS MiB'];
    return `### A full scrape of ${GUESTS + 1} real guests (medians of ${ROUNDS} rounds in turn; CPU is the mean)\n\n${table(head, rows)}`;
  } finally {
    await virtune.stop();
    debian.kill();
  }
}
