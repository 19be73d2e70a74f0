import { rmSync } from 'node:fs';
import { type CallName, callByNumber } from '../../../libvirt/calls/all.ts';
import { hostCallsOf } from '../../host-calls.ts';
import { DelayingProxy } from '../../live/lab/delaying-proxy.ts';
import { VirtuneProcess } from '../../virtune-process.ts';
import { fixed, median, table } from '../table.ts';

const CALM_SOCKET = '/tmp/virtune-bench-calm.sock';
const SOCKET = '/tmp/virtune-bench-proxy.sock';
const ROUNDS = 11;
const LATE_MS = 3_000;

/** Lists domains and, by the same call, marks; the only call that a scrape cannot do without. */
const CONTROL: CallName = 'connectListAllDomains';

/**
 * Compares a scrape while each host call is late or unanswered with one of a calm host: the two take turns, so that
 * other load on the machine affects both.
 */
export async function hostCalls(): Promise<string> {
  const calmProxy = await proxyAt(CALM_SOCKET);
  const proxy = await proxyAt(SOCKET);
  const seen = new Set<CallName>();
  calmProxy.onCall = (program, procedure) => {
    const name = callByNumber(program, procedure);
    if (name !== undefined) seen.add(name);
  };
  const calm = exporter(CALM_SOCKET);
  const rows: string[][] = [];
  try {
    for (let round = 0; round < 3; round++) await scrapeMs(calm);
    for (const name of hostCallsOf(seen)) {
      if (name === CONTROL) continue;
      proxy.set(name, LATE_MS);
      const late = await compare(calm);
      proxy.set(name, 'never');
      const never = await compare(calm);
      proxy.clear();
      const cells = [late, never].flatMap(({ calmMs, ms }) => [
        fixed(calmMs, 0),
        fixed(ms, 0),
        fixed(ms / calmMs, 2),
      ]);
      rows.push([name, ...cells, fixed(never.firstMs, 0)]);
    }
  } finally {
    await calm.stop();
    for (const each of [calmProxy, proxy]) await each.stop();
    for (const path of [CALM_SOCKET, SOCKET]) rmSync(path, { force: true });
  }
  const head = ['call', 'calm ms', '+3 s: ms', 'ratio', 'calm ms', 'never: ms', 'ratio', 'first scrape ms'];
  return `### A scrape while one call about the host is late, or never answered (medians of ${ROUNDS} scrapes in turn with a calm host's; --no-local)\n\n${table(head, rows)}`;
}

interface Comparison {
  readonly calmMs: number;
  readonly ms: number;
  readonly firstMs: number;
}

/** Compares a freshly started virtune behind the faulty proxy with the calm one, in turn. */
async function compare(calm: VirtuneProcess): Promise<Comparison> {
  const troubled = exporter(SOCKET);
  try {
    const firstMs = await scrapeMs(troubled);
    const walls: { calm: number[]; troubled: number[] } = { calm: [], troubled: [] };
    for (let round = 0; round < ROUNDS; round++) {
      walls.calm.push(await scrapeMs(calm));
      walls.troubled.push(await scrapeMs(troubled));
    }
    return { calmMs: median(walls.calm), ms: median(walls.troubled), firstMs };
  } finally {
    await troubled.stop();
  }
}

async function proxyAt(path: string): Promise<DelayingProxy> {
  rmSync(path, { force: true });
  return DelayingProxy.start(path);
}

function exporter(socket: string): VirtuneProcess {
  const flags = ['--listen', '127.0.0.1:0', '--no-local', '--collect.hostcpus'];
  return new VirtuneProcess('exporter', ...flags, '-c', `qemu:///system?socket=${socket}`);
}

async function scrapeMs(virtune: VirtuneProcess): Promise<number> {
  const url = await virtune.url();
  const startedMs = performance.now();
  const response = await fetch(`${url}/metrics`);
  if (!(await response.text()).includes('\nlibvirt_up 1')) throw new Error('the host was not asked');
  return performance.now() - startedMs;
}
