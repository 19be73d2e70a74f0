import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, until } from '../lab/run.ts';
import { freePort } from '../otlp-receivers/receivers.ts';
import { spawnQuietly } from './spawn.ts';

/** A series that a Prometheus has recorded. */
export interface RecordedSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Value by seconds since 1970; undefined: absent. */
  readonly at: (seconds: number) => number | undefined;
}

export interface RecordedPrometheus {
  readonly url: string;
  stop(): Promise<void>;
}

const EVERY_SECONDS = 300;

/**
 * A real Prometheus with past series, a sample every five minutes: promtool writes its blocks as for a backfill.
 * @param flags of Prometheus, such as --query.max-samples
 */
export async function startRecorded(
  series: readonly RecordedSeries[],
  {
    startSeconds,
    endSeconds,
    flags = [],
  }: { startSeconds: number; endSeconds: number; flags?: readonly string[] },
): Promise<RecordedPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-recorded-'));
  const data = join(folder, 'data');
  writeFileSync(join(folder, 'prometheus.yml'), 'global: {}\n');
  writeFileSync(join(folder, 'series.om'), textOf(series, startSeconds, endSeconds));
  run('promtool', [
    'tsdb',
    'create-blocks-from',
    // Otherwise there is a block for every two hours, which takes minutes for a week.
    '--max-block-duration=240h',
    'openmetrics',
    '--quiet',
    join(folder, 'series.om'),
    data,
  ]);
  const port = await freePort();
  const spawned = spawnQuietly('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${data}`,
    '--storage.tsdb.retention.time=10y',
    `--web.listen-address=127.0.0.1:${port}`,
    ...flags,
  ]);
  const url = `http://127.0.0.1:${port}`;
  await until('Prometheus to be ready', 30_000, async () => (await fetch(`${url}/-/ready`)).ok);
  return {
    url,
    stop: async () => {
      await spawned.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** OpenMetrics requires that all samples of a metric are together. */
function textOf(series: readonly RecordedSeries[], startSeconds: number, endSeconds: number): string {
  const lines: string[] = [];
  for (const [name, of] of Map.groupBy(series, (each) => each.name)) {
    lines.push(`# TYPE ${name} gauge`);
    for (const { labels, at } of of) {
      const text = Object.entries(labels)
        .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
        .join(',');
      for (let seconds = startSeconds; seconds <= endSeconds; seconds += EVERY_SECONDS) {
        const value = at(seconds);
        if (value !== undefined) lines.push(`${name}{${text}} ${value} ${seconds}`);
      }
    }
  }
  return `${lines.join('\n')}\n# EOF\n`;
}
