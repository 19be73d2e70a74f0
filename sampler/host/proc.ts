import type { LocalHostFigures, Pressure } from '../../model/host.ts';
import { readProcFile } from '../proc-file.ts';

/** Ticks of /proc/stat are hundredths of a second on every Linux that Node.js runs on (USER_HZ). */
const NS_PER_TICK = 1e7;

/** /proc/stat's columns (proc_stat(5)); guest time is within user and nice, and also listed separately. */
const CPU_MODES = [
  'user',
  'nice',
  'kernel',
  'idle',
  'iowait',
  'irq',
  'softirq',
  'steal',
  'guest',
  'guest_nice',
];

export interface ProcStat {
  readonly totalNs: ReadonlyMap<string, number>;
  readonly byCpu: ReadonlyMap<number, ReadonlyMap<string, number>>;
}

export function parseProcStat(text: string): ProcStat {
  const byCpu = new Map<number, ReadonlyMap<string, number>>();
  let totalNs: ReadonlyMap<string, number> = new Map();
  for (const line of text.split('\n')) {
    const [name = '', ...ticks] = line.split(/\s+/);
    if (!name.startsWith('cpu')) continue;
    const modes = new Map(CPU_MODES.map((mode, index) => [mode, Number(ticks[index] ?? 0) * NS_PER_TICK]));
    if (name === 'cpu') totalNs = modes;
    else byCpu.set(Number(name.slice(3)), modes);
  }
  return { totalNs, byCpu };
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`, µs; `full` may be missing. */
export function parsePressure(text: string): Pressure {
  const totalNs = (kind: string): number | undefined => {
    const match = new RegExp(`^${kind} .*total=(\\d+)`, 'm').exec(text);
    return match === null ? undefined : Number(match[1]) * 1_000;
  };
  return { someNs: totalNs('some'), fullNs: totalNs('full') };
}

/** `Name: 123 kB` and `name 123` lines alike. */
export function parseNamedNumbers(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const match of text.matchAll(/^([\w()]+):?\s+(\d+)(?: kB)?$/gm)) {
    found.set(match[1] ?? '', Number(match[2]));
  }
  return found;
}

export function readProcStat(procRoot: string): ProcStat | undefined {
  const text = readProcFile(`${procRoot}/stat`);
  return text === undefined ? undefined : parseProcStat(text);
}

export function readLocalHost(procRoot: string): LocalHostFigures {
  const read = (name: string): string | undefined => readProcFile(`${procRoot}/${name}`);
  const pressure = new Map<string, Pressure>();
  for (const resource of ['cpu', 'memory', 'io']) {
    const text = read(`pressure/${resource}`);
    if (text !== undefined) pressure.set(resource, parsePressure(text));
  }
  const [one, five, fifteen] = (read('loadavg') ?? '').split(' ').map(Number);
  return {
    load: one === undefined || five === undefined || fifteen === undefined ? undefined : [one, five, fifteen],
    pressure,
    meminfoKiB: parseNamedNumbers(read('meminfo') ?? ''),
    vmstat: parseNamedNumbers(read('vmstat') ?? ''),
  };
}
