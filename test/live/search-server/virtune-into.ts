import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { figure } from '../../exposition.ts';
import { VIRTUNE, VirtuneProcess } from '../../virtune-process.ts';

const [COMMAND, ...FIRST] = VIRTUNE;

/** Runs `virtune elasticsearch setup` as a user would. */
export async function setUp(
  url: string,
  ...more: readonly string[]
): Promise<{ code: number | null; said: string }> {
  const child = spawn(COMMAND, [...FIRST, 'elasticsearch', 'setup', '--elasticsearch', url, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const keep = (chunk: Buffer): void => {
    said += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

/** A folder for a queue, which outlives the processes that use it. */
export function queueFolder(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'virtune-queue-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function exporterInto(url: string, queueDir: string, ...more: readonly string[]): VirtuneProcess {
  return new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--elasticsearch',
    url,
    '--elasticsearch.interval',
    '1',
    '--elasticsearch.queue-dir',
    queueDir,
    ...more,
  );
}

/** The value of one of the sink's metrics. */
export async function sinkFigure(
  virtune: VirtuneProcess,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  return figure(await virtune.scrape(), `virtune_elasticsearch_${name}`, labels);
}

export async function untilEmpty(virtune: VirtuneProcess, seconds = 120): Promise<void> {
  for (let tries = 0; tries < seconds * 4; tries++) {
    const lag = await sinkFigure(virtune, 'lag_seconds');
    if (lag !== undefined && lag < 1.5) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('the queue does not empty');
}
