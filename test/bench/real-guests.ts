import { execFileSync, spawn } from 'node:child_process';
import { get } from 'node:http';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { StatsFlag } from '../../libvirt/constants.ts';
import { DEFAULT_GROUPS } from '../../model/catalogue/catalogue.ts';
import { type DomainFacts, parseDomain } from '../../model/domain/domain.ts';
import { statsMask } from '../../sampler/plan.ts';
import { parseExposition } from '../exposition.ts';
import { up } from '../live/lab/main.ts';
import { until } from '../live/lab/run.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { cpuMs, rssMiB } from './process-usage.ts';
import { fixed, median, table } from './table.ts';

const GUESTS = 100;
const ROUNDS = 21;
const DEBIAN_PORT = 19_191;

interface Contender {
  readonly name: string;
  readonly walls: number[];
  readonly cpus: number[];
  run(): Promise<unknown>;
  cpu(): number;
  rss(): string;
  /** Number of series for a VM that all contenders report. */
  series(): Promise<string>;
}

function seriesIn(text: string): string {
  return String(parseExposition(text).filter((each) => each.labels['domain'] === 'vt-bare-000').length);
}

/** One scrape as by Prometheus, gzipped, to its last byte; processing by the reader is not counted. */
function scrape(url: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(`${url}/metrics`, { headers: { 'accept-encoding': 'gzip' } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
    }).on('error', reject);
  });
}

/** The calls of a tick with nothing but their encoding: the time that libvirt itself takes. */
class BareCalls {
  readonly #connections: readonly Connection[];
  readonly #facts = new Map<string, DomainFacts>();

  constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  static async open(): Promise<BareCalls> {
    const open = (): Promise<Connection> => connect('qemu:///system', { readOnly: true });
    return new BareCalls(await Promise.all([open(), open(), open(), open(), open()]));
  }

  async run(): Promise<void> {
    const [control, ...others] = this.#connections as readonly [Connection, ...Connection[]];
    const { domains } = await control.call('connectListAllDomains', { needResults: 1, flags: 0 });
    for (const domain of domains) {
      if (this.#facts.has(domain.uuid)) continue;
      const { xml } = await control.call('domainGetXmlDesc', { domain, flags: 0 });
      this.#facts.set(domain.uuid, parseDomain(xml));
    }
    const total = { nparams: 3, startCpu: -1, ncpus: 1, flags: 0 };
    const times: Promise<unknown>[] = [];
    const queue = domains.values();
    const workers = Array.from({ length: 8 }, async (_, index) => {
      const connection = others[index % others.length] as Connection;
      for (const domain of queue) {
        const facts = this.#facts.get(domain.uuid);
        const stats = statsMask(DEFAULT_GROUPS, facts, { vcpus: true, rss: true });
        const figures = connection.call('connectGetAllDomainStats', {
          domains: [domain],
          stats,
          flags: StatsFlag.noWait,
        });
        times.push(connection.call('domainGetCpuStats', { domain, ...total }));
        times.push(
          connection.call('domainGetVcpus', { domain, maxInfo: facts?.cpu.vcpusMaximum ?? 1, mapLength: 0 }),
        );
        await figures;
      }
    });
    await Promise.all(workers);
    await Promise.all(times);
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

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
  const virtuneUrl = await virtune.url();
  const bare = await BareCalls.open();
  let virshCpu = 0;
  const contenders: Contender[] = [
    {
      name: 'virtune',
      walls: [],
      cpus: [],
      run: () => scrape(virtuneUrl),
      cpu: () => cpuMs(virtune.pid),
      rss: () => fixed(rssMiB(virtune.pid), 0),
      series: async () => seriesIn(await virtune.text()),
    },
    {
      name: 'prometheus-libvirt-exporter',
      walls: [],
      cpus: [],
      run: () => scrape(`http://127.0.0.1:${DEBIAN_PORT}`),
      cpu: () => cpuMs(debian.pid as number),
      rss: () => fixed(rssMiB(debian.pid as number), 0),
      series: async () => seriesIn(await debianText()),
    },
    {
      name: 'the same calls alone',
      walls: [],
      cpus: [],
      run: () => bare.run(),
      cpu: () => 0,
      rss: () => '-',
      series: async () => '-',
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
      series: async () => '-',
    },
  ];
  const series: string[] = [];
  try {
    for (let round = -2; round < ROUNDS; round++) {
      for (const [index, contender] of contenders.entries()) {
        const cpuBefore = contender.cpu();
        const startedMs = performance.now();
        await contender.run();
        if (round < 0) {
          series[index] = await contender.series();
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
      // Compared round by round, so that a drift of the machine's speed does not matter.
      fixed(median(ours.map((wall, round) => wall / (contender.walls[round] ?? Number.NaN))), 2),
      // The bare calls run in this process, where their CPU time is mixed with the bench's.
      contender.name === 'the same calls alone'
        ? '-'
        : fixed(contender.cpus.reduce((a, b) => a + b, 0) / ROUNDS),
      series[index] ?? '-',
      contender.rss(),
    ]);
    const head = ['', 'wall ms', "virtune's wall / this", 'own CPU ms', 'series per VM', 'RSS MiB'];
    return `### A full scrape of ${GUESTS + 1} real guests (medians of ${ROUNDS} rounds in turn; CPU is the mean)\n\n${table(head, rows)}`;
  } finally {
    await Promise.all([virtune.stop(), bare.close()]);
    debian.kill();
  }
}
