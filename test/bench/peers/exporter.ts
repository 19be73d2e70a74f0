import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join } from 'node:path';
import { parseExposition, type Series } from '../../exposition.ts';
import { until } from '../../live/lab/run.ts';
import { VIRTUNE } from '../../virtune-process.ts';
import { cpuMs, rssMiB } from '../process-usage.ts';

export interface Scrape {
  readonly wallMs: number;
}

/** One scrape as by Prometheus: compressed, up to the last byte. */
function read(url: string, headers: Record<string, string>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
    }).on('error', reject);
  });
}

/** An exporter that runs as a process. */
export class Exporter {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(name: string, child: ChildProcess, url: string) {
    this.name = name;
    this.#child = child;
    this.#url = url;
  }

  /** Functions that start each exporter, virtune first. @param folder with the exporters of `build.sh` */
  static all(folder: string): (() => Promise<Exporter>)[] {
    const commands: readonly (readonly [string, (address: string) => readonly string[]])[] = [
      ['virtune', (address) => [...VIRTUNE, 'exporter', '--listen', address]],
      [
        "Debian's",
        (address) => [
          'prometheus-libvirt-exporter',
          `--web.listen-address=${address}`,
          '--libvirt.uri=qemu:///system',
        ],
      ],
      ["inovex'", (address) => [join(folder, 'inovex'), `--web.listen-address=${address}`]],
      [
        "Tinkoff's",
        (address) => [
          join(folder, 'tinkoff'),
          `--web.listen-address=${address}`,
          '--libvirt.uri=qemu:///system',
        ],
      ],
    ];
    return commands.map(
      ([name, command], index) =>
        () =>
          Exporter.#start(name, command, 19_190 + index),
    );
  }

  static async #start(
    name: string,
    command: (address: string) => readonly string[],
    port: number,
  ): Promise<Exporter> {
    const address = `127.0.0.1:${port}`;
    const [file = '', ...args] = command(address);
    const child = spawn(file, args, { stdio: 'ignore' });
    const exporter = new Exporter(name, child, `http://${address}/metrics`);
    await until(`${name} exporter to answer`, 30_000, async () => {
      try {
        return (await exporter.series()) > 100;
      } catch {
        return false;
      }
    });
    return exporter;
  }

  async scrape(): Promise<Scrape> {
    const startedMs = performance.now();
    await read(this.#url, { 'accept-encoding': 'gzip' });
    return { wallMs: performance.now() - startedMs };
  }

  async series(): Promise<number> {
    return (await this.#scraped()).length;
  }

  /** Number of VMs that it reports: each exporter has a label `domain`. */
  async vms(): Promise<number> {
    return new Set((await this.#scraped()).map(({ labels }) => labels['domain'] ?? '').filter(Boolean)).size;
  }

  async #scraped(): Promise<Series[]> {
    return parseExposition((await read(this.#url, {})).toString());
  }

  cpuMs(): number {
    return cpuMs(this.#child.pid as number);
  }

  rssMiB(): number {
    return rssMiB(this.#child.pid as number);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}
