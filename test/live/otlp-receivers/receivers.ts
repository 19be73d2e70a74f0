import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Series } from '../../exposition.ts';
import { until } from '../lab/run.ts';
import { type Spawned, spawnQuietly } from '../stack/spawn.ts';

/** Kept between runs. */
const FOLDER = '/var/cache/virtune-otlp-receivers';

/** Whether they were built before: without Go's cache this takes both CPUs ten minutes, only in `.ci/nightly`. */
export const receiversBuilt = (): boolean =>
  ['collector', 'prometheus'].every((name) => existsSync(join(FOLDER, name)));

/** Builds the receivers if they are missing or of other versions. */
export function ensureReceivers(): void {
  execFileSync('bash', [join(import.meta.dirname, 'build.sh'), FOLDER], { stdio: 'inherit' });
}

/** A port that is currently unused. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** A program with a data folder, which can be stopped and restarted with what it has stored. */
export class Receiver {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'virtune-receiver-'));
  readonly #program: string;
  readonly #args: (folder: string) => readonly string[];
  readonly #isReady: () => Promise<boolean>;
  #spawned: Spawned | undefined;

  constructor(
    program: string,
    config: (folder: string) => object,
    args: (folder: string) => readonly string[],
    isReady: () => Promise<boolean>,
  ) {
    this.#program = program;
    this.#args = args;
    this.#isReady = isReady;
    writeFileSync(join(this.folder, 'config.yaml'), stringify(config(this.folder)));
  }

  async start(): Promise<void> {
    this.#spawned = spawnQuietly(this.#program, this.#args(this.folder));
    await until(`${this.#program} to be ready`, 60_000, this.#isReady);
  }

  async stop(): Promise<void> {
    await this.#spawned?.stop();
    this.#spawned = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A Collector whose OTLP receiver listens on this port. */
export function collectorAt(port: number, config: (folder: string) => object): Receiver {
  return new Receiver(
    join(FOLDER, 'collector'),
    config,
    (folder) => ['--config', join(folder, 'config.yaml')],
    // Any response will do: the receiver does not accept GET.
    () => fetch(`http://127.0.0.1:${port}/v1/metrics`).then(() => true),
  );
}

export function prometheusAt(port: number, config: (folder: string) => object): Receiver {
  return new Receiver(
    join(FOLDER, 'prometheus'),
    config,
    (folder) => [
      `--config.file=${join(folder, 'config.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-otlp-receiver',
    ],
    () => fetch(`http://127.0.0.1:${port}/-/ready`).then(({ ok }) => ok),
  );
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  /** Of an instant query. */
  readonly value?: readonly [atSeconds: number, value: string];
  /** Of a range query. */
  readonly values?: readonly (readonly [atSeconds: number, value: string])[];
}

async function ask(port: number, expr: string, atMs: number): Promise<readonly Result[]> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}&time=${atMs / 1_000}`;
  const said = (await (await fetch(url)).json()) as {
    readonly error?: string;
    readonly data?: { readonly result: readonly Result[] };
  };
  if (said.data === undefined) throw new Error(`${expr}: ${said.error}`);
  return said.data.result;
}

/** Series of an instant query. */
export async function seriesAt(port: number, expr: string, atMs: number): Promise<Series[]> {
  const found = await ask(port, expr, atMs);
  return found.map(({ metric: { __name__: name = '', ...labels }, value: [, value] = [0, 'NaN'] }) => ({
    name,
    labels,
    value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
  }));
}

/** Timestamps of a series' samples, ms since 1970, in the hour before now. */
export async function timesOf(port: number, selector: string): Promise<number[]> {
  const found = await ask(port, `${selector}[1h]`, Date.now() + 60_000);
  return found.flatMap(({ values = [] }) => values.map(([atSeconds]) => atSeconds * 1_000));
}
