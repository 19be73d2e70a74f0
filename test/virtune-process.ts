import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NODE_FLAGS } from '../build/node-flags.ts';
import { outputOf, saidBeforeEnd } from './child-output.ts';
import { parseExposition, type Series } from './exposition.ts';

const CLI = resolve(process.env['VIRTUNE_CLI'] ?? join(import.meta.dirname, '../cli/virtune.ts'));

/**
 * The program in `VIRTUNE_CLI`, or the sources. `npm test` and benchmarks run what npm would install, which starts in a
 * third of the CPU time; CI runs the live tests on the installed package, and some tests also on the executable, which
 * needs no Node.js.
 */
export const VIRTUNE: readonly [string, ...string[]] = /\.[jt]s$/.test(CLI)
  ? [process.execPath, ...NODE_FLAGS, CLI]
  : [CLI];

/** Starts virtune with its output in pipes. */
function startVirtune(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const [command, ...first] = VIRTUNE;
  return spawn(command, [...first, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** virtune as its users run it: a separate process. */
export class VirtuneProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  #url: string | undefined;

  constructor(...args: readonly string[]);
  /** With further environment variables. */
  constructor(env: NodeJS.ProcessEnv, ...args: readonly string[]);
  constructor(first: NodeJS.ProcessEnv | string = {}, ...rest: readonly string[]) {
    this.#child = typeof first === 'string' ? startVirtune([first, ...rest]) : startVirtune(rest, first);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve({ code, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  /** Waits until it reports its address. */
  async url(): Promise<string> {
    const served = (): boolean => {
      this.#url ??= /(http:\/\/\S+)\/metrics/.exec(this.#stderr)?.[1];
      return this.#url !== undefined;
    };
    await saidBeforeEnd(this.#child, this.#child.stderr, served);
    if (this.#url === undefined) throw new Error(`virtune ended: ${this.#stderr}`);
    return this.#url;
  }

  /** Waits for this on standard error. */
  async says(what: RegExp): Promise<void> {
    const said = await saidBeforeEnd(this.#child, this.#child.stderr, () => what.test(this.#stderr));
    if (!said) throw new Error(`virtune ended: ${this.#stderr}`);
  }

  /** Waits for this on standard output. */
  async prints(what: RegExp): Promise<void> {
    const printed = await saidBeforeEnd(this.#child, this.#child.stdout, () => what.test(this.#stdout));
    if (!printed) throw new Error(`virtune ended: ${this.#stderr}`);
  }

  async text(headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(`${await this.url()}/metrics`, { headers });
    return response.text();
  }

  async scrape(): Promise<Series[]> {
    return parseExposition(await this.text());
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get rssKiB(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }
}

/** Runs virtune until it exits, with its output in pipes. */
export async function runVirtune(...args: readonly string[]): Promise<Ended> {
  const child = startVirtune(args);
  const { status: code, ...printed } = await outputOf(child);
  return { code, ...printed };
}
