import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copySkeleton, type Installation, install } from './install.ts';
import { SERVERS, type ServerKind, type ServerName } from './servers.ts';

/**
 * Drills start a server dozens of times, and the optimizing compiler takes half of the CPU time of a start: without it
 * 6.7 s instead of 12.1 (8.19.0), 6.0 instead of 13.4 (OpenSearch 3.2.0).
 */
const SOON_STARTED = '-XX:TieredStopAtLevel=1';

/** A real search server on loopback, with its data in a separate folder that survives a restart. */
export class SearchServer {
  readonly kind: ServerKind;
  readonly port: number;
  readonly #installation: Installation;
  readonly #home: string;
  readonly #javaOptions: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(
    kind: ServerKind,
    installation: Installation,
    port: number,
    javaOptions: readonly string[],
  ) {
    this.#javaOptions = javaOptions;
    this.kind = kind;
    this.port = port;
    this.#installation = installation;
    this.#home = mkdtempSync(join(tmpdir(), 'virtune-search-'));
    copySkeleton(installation.skeleton, this.#home);
  }

  static start(name: ServerName): Promise<SearchServer> {
    return SearchServer.startKind(SERVERS[name]);
  }

  /** With all of Java's compilers, for benchmarks. */
  static startOptimized(name: ServerName): Promise<SearchServer> {
    return SearchServer.startKind(SERVERS[name], []);
  }

  static async startKind(
    kind: ServerKind,
    javaOptions: readonly string[] = [SOON_STARTED],
  ): Promise<SearchServer> {
    const server = new SearchServer(kind, install(kind), await freePort(), javaOptions);
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const { java, arguments: path } = this.#installation;
    const child = spawn(
      java,
      [
        '-Xms256m',
        '-Xmx512m',
        '-XX:+UseSerialGC',
        ...this.#javaOptions,
        ...path,
        this.kind.main,
        this.#home,
        String(this.port),
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    for (let tries = 0; tries < 720; tries++) {
      if (child.exitCode !== null) throw new Error(`the search server ended: ${this.#output}`);
      const response = await fetch(this.url).catch(() => undefined);
      if (response?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new Error(`the search server does not answer: ${this.#output}`);
  }

  /** Ends it, gracefully or not; its data are kept. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Makes it hang until it is resumed: it accepts connections but never answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async request(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as Json) };
  }

  /** Documents that match, after a refresh has made all sent documents searchable. */
  async count(streams: string, query: unknown = { match_all: {} }): Promise<number> {
    await this.request('POST', `/${streams}/_refresh`);
    const { body } = await this.request('POST', `/${streams}/_search`, {
      size: 0,
      track_total_hits: true,
      query,
    });
    return (body as { hits?: { total?: { value?: number } } })?.hits?.total?.value ?? 0;
  }
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
