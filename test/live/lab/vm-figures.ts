import { setTimeout as sleep } from 'node:timers/promises';
import { domstats } from './virsh.ts';

/** What a guest got over a period, as virsh reports it, without any code of virtune. */
export interface VmFigures {
  /** CPUs that its vCPUs used, and CPUs that they waited for. */
  readonly ranCpus: number;
  readonly waitedCpus: number;
  /** For vda; 0 without requests. */
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly latencyMs: number;
}

/** CPU demand that was not served, 0 to 1. */
export const contentionOf = ({ ranCpus, waitedCpus }: VmFigures): number =>
  waitedCpus / Math.max(1e-9, ranCpus + waitedCpus);

/** @param forMs duration of the measurement */
export async function figuresOf(names: readonly string[], forMs: number): Promise<Map<string, VmFigures>> {
  const before = new Map(names.map((name) => [name, countersOf(name)]));
  await sleep(forMs);
  return new Map(
    names.map((name) => {
      const [from, to] = [before.get(name) as Counters, countersOf(name)];
      const seconds = (to.atMs - from.atMs) / 1_000;
      const requests = to.requests - from.requests;
      return [
        name,
        {
          ranCpus: (to.ranNs - from.ranNs) / 1e9 / seconds,
          waitedCpus: (to.waitedNs - from.waitedNs) / 1e9 / seconds,
          requestsPerSecond: requests / seconds,
          bytesPerSecond: (to.bytes - from.bytes) / seconds,
          latencyMs: requests === 0 ? 0 : (to.requestNs - from.requestNs) / 1e6 / requests,
        },
      ];
    }),
  );
}

type Counters = Record<'atMs' | 'ranNs' | 'waitedNs' | 'requests' | 'bytes' | 'requestNs', number>;

function countersOf(name: string): Counters {
  const stats = domstats(name);
  const atMs = performance.now();
  const sum = (wanted: RegExp): number =>
    [...stats].reduce((all, [field, value]) => (wanted.test(field) ? all + Number(value) : all), 0);
  return {
    atMs,
    ranNs: sum(/^vcpu\.\d+\.time$/),
    waitedNs: sum(/^vcpu\.\d+\.delay$/),
    requests: sum(/^block\.0\.(rd|wr)\.reqs$/),
    bytes: sum(/^block\.0\.(rd|wr)\.bytes$/),
    requestNs: sum(/^block\.0\.(rd|wr)\.times$/),
  };
}
