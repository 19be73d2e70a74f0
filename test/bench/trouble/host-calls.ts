import { rmSync } from 'node:fs';
import type { CallName } from '../../../libvirt/calls/all.ts';
import { callByNumber } from '../../../libvirt/calls/all.ts';
import { hostCallsOf } from '../../host-calls.ts';
import { DelayingProxy, type ReplyFault } from '../../live/lab/delaying-proxy.ts';
import { VirtuneProcess } from '../../virtune-process.ts';
import { fixed, median, table } from '../table.ts';

const SOCKET = '/tmp/virtune-bench-proxy.sock';
const ROUNDS = 7;
const LATE_MS = 3_000;

/** The list of domains has the marks' name, and is the one call that a scrape cannot do without. */
const CONTROL: CallName = 'connectListAllDomains';

/** A scrape with each call about the host late, or never answered: its time against that of a calm host. */
export async function hostCalls(): Promise<string> {
  rmSync(SOCKET, { force: true });
  const proxy = await DelayingProxy.start(SOCKET);
  const seen = new Set<CallName>();
  proxy.onCall = (program, procedure) => {
    const name = callByNumber(program, procedure);
    if (name !== undefined) seen.add(name);
  };
  const rows: string[][] = [];
  try {
    const calm = await scrapes(proxy);
    for (const name of hostCallsOf(seen)) {
      if (name === CONTROL) continue;
      const late = await scrapes(proxy, [name, LATE_MS]);
      const never = await scrapes(proxy, [name, 'never']);
      rows.push([
        name,
        fixed(calm.medianMs, 0),
        fixed(late.medianMs, 0),
        fixed(late.medianMs / calm.medianMs, 2),
        fixed(never.medianMs, 0),
        fixed(never.medianMs / calm.medianMs, 2),
        fixed(never.firstMs, 0),
      ]);
    }
  } finally {
    await proxy.stop();
    rmSync(SOCKET, { force: true });
  }
  const head = ['call', 'calm ms', '+3 s: ms', 'ratio', 'never: ms', 'ratio', 'its first scrape ms'];
  return `### A scrape while one call about the host is late, or never answered (medians of ${ROUNDS} scrapes; --no-local)\n\n${table(head, rows)}`;
}

/** Of a virtune that has just been started. */
async function scrapes(
  proxy: DelayingProxy,
  fault?: readonly [CallName, ReplyFault],
): Promise<{ firstMs: number; medianMs: number }> {
  proxy.clear();
  if (fault !== undefined) proxy.set(...fault);
  const virtune = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--no-local',
    '-c',
    `qemu:///system?socket=${SOCKET}`,
    '--collect.hostcpus',
  );
  try {
    const url = await virtune.url();
    const walls: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const startedMs = performance.now();
      const response = await fetch(`${url}/metrics`);
      if (!(await response.text()).includes('\nlibvirt_up 1')) throw new Error('the host was not asked');
      walls.push(performance.now() - startedMs);
    }
    const [firstMs = Number.NaN, ...others] = walls;
    return { firstMs, medianMs: median(others) };
  } finally {
    await virtune.stop();
  }
}
