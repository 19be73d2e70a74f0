import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { libvirtdPid } from '../../live/lab/daemon.ts';
import { up } from '../../live/lab/main.ts';
import { AWAKE_NOTE, keepAwake } from '../keep-awake.ts';
import { cpuMs } from '../process-usage.ts';
import { fixed, median, table } from '../table.ts';
import { Exporter, type Scrape } from './exporter.ts';

const GUESTS = Number(process.env['VIRTUNE_BENCH_GUESTS'] ?? 60);
/** Where `build.sh` puts the exporters. */
const FOLDER = process.env['VIRTUNE_PEERS'] ?? '/var/cache/virtune-peers';
/** Time between two scrapes of an exporter: none, a fast dashboard's, and Prometheus' usual 15 s. */
const GAPS_MS = [0, 5_000, 15_000];
const SCRAPES = 12;
/** Consecutive scrapes without a gap before the next exporter's turn. */
const IN_A_ROW = 4;

/** Medians of one exporter's scrapes with a gap. */
interface Cost {
  readonly wallMs: number;
  /** From one scrape to the next, so that background work counts. */
  readonly ownCpuMs: number;
  readonly libvirtdCpuMs: number;
}

const libvirtdCpuMs = (): number => cpuMs(libvirtdPid() as number);

/** Scrapes one exporter, and waits until `slotMs` have passed since the start. */
async function slot(exporter: Exporter, slotMs: number): Promise<Scrape & { libvirtdCpuMs: number }> {
  const before = libvirtdCpuMs();
  const startedMs = performance.now();
  const scrape = await exporter.scrape();
  const left = slotMs - (performance.now() - startedMs);
  if (left > 0) await delay(left);
  return { ...scrape, libvirtdCpuMs: libvirtdCpuMs() - before };
}

async function costsAt(gapMs: number, exporters: readonly Exporter[]): Promise<Cost[]> {
  const inARow = gapMs === 0 ? IN_A_ROW : 1;
  const costs = exporters.map(() => ({
    walls: [] as number[],
    owns: [] as number[],
    daemons: [] as number[],
  }));
  const lastCpuMs: (number | undefined)[] = exporters.map(() => undefined);
  for (let scrapes = 0; scrapes <= SCRAPES; scrapes += inARow) {
    for (const [index, exporter] of exporters.entries()) {
      const cost = costs[index] as (typeof costs)[number];
      for (let repeat = 0; repeat < inARow; repeat++) {
        const nowCpuMs = exporter.cpuMs();
        const last = lastCpuMs[index];
        // Without gaps, the first scrape of a row follows the turns of the others.
        if (last !== undefined && (gapMs > 0 || repeat > 0)) cost.owns.push(nowCpuMs - last);
        lastCpuMs[index] = nowCpuMs;
        const { wallMs, libvirtdCpuMs: daemon } = await slot(exporter, gapMs / exporters.length);
        // The first round only determines the initial CPU time.
        if (scrapes === 0) continue;
        cost.walls.push(wallMs);
        cost.daemons.push(daemon);
      }
    }
  }
  return costs.map(({ walls, owns, daemons }) => ({
    wallMs: median(walls),
    ownCpuMs: median(owns),
    libvirtdCpuMs: median(daemons),
  }));
}

function ratios(ours: Cost, theirs: Cost): string[] {
  return [
    ours.wallMs / theirs.wallMs,
    ours.ownCpuMs / theirs.ownCpuMs,
    ours.libvirtdCpuMs / theirs.libvirtdCpuMs,
  ].map((ratio) => fixed(ratio, 2));
}

/** virtune and other exporters on the same real guests, with each gap. */
export async function peers(): Promise<string> {
  execFileSync('bash', [new URL('build.sh', import.meta.url).pathname, FOLDER], { stdio: 'inherit' });
  await up(GUESTS);
  const rest = keepAwake();
  const exporters: Exporter[] = [];
  try {
    for (const start of Exporter.all(FOLDER)) exporters.push(await start());
    const parts: string[] = [];
    for (const gapMs of GAPS_MS) {
      const costs = await costsAt(gapMs, exporters);
      const [ours] = costs as [Cost, ...Cost[]];
      const rows = await Promise.all(
        costs.map(async (cost, index) => {
          const exporter = exporters[index] as Exporter;
          return [
            exporter.name,
            fixed(cost.wallMs, 0),
            fixed(cost.ownCpuMs, 0),
            fixed(cost.libvirtdCpuMs, 0),
            ...ratios(ours, cost),
            String(await exporter.vms()),
            String(await exporter.series()),
            fixed(exporter.rssMiB(), 0),
          ];
        }),
      );
      const head = [
        `every ${gapMs / 1_000} s`,
        'wall ms',
        'own CPU ms',
        'libvirtd CPU ms',
        "virtune's wall / this",
        'own CPU',
        'libvirtd CPU',
        'VMs',
        'series',
        'RSS MiB',
      ];
      parts.push(table(head, rows));
    }
    return `### Exporters on ${GUESTS + 1} real guests (medians of ${SCRAPES} scrapes, in turn${AWAKE_NOTE})\n\n${parts.join('\n\n')}`;
  } finally {
    rest();
    await Promise.all(exporters.map((exporter) => exporter.stop()));
  }
}
