import { attr, child, text, wholeNumber } from '../../model/xml.ts';
import { attributeSetting } from './declare.ts';
import { ensurePath, findPath, prune, putText, removePath } from './edit.ts';
import type { Setting } from './setting.ts';

const CPU = ['cpu'] as const;
/** Attributes that apply to one mode, and are rejected or mean something else in another. */
const OF_A_MODE = ['mode', 'match', 'check', 'migratable'] as const;

/** `host-passthrough`, `host-model`, `maximum`, or `custom MODEL`. */
const mode: Setting = {
  id: 'cpu.mode',
  title: 'CPU model that the guest sees',
  on: 'domain',
  read: (domain) => {
    const cpu = child(domain, 'cpu');
    const model = text(child(cpu, 'model'));
    const said = attr(cpu, 'mode') ?? (model === undefined ? undefined : 'custom');
    return said === 'custom' && model !== undefined ? `custom ${model}` : said;
  },
  write: (domain, _, value) => {
    if (value === undefined && child(domain, 'cpu') === undefined) return;
    const cpu = ensurePath(domain, CPU);
    for (const name of OF_A_MODE) cpu.removeAttribute(name);
    const [named, model] = (value ?? '').split(' ');
    if (named !== undefined && named !== '') cpu.setAttribute('mode', named);
    if (model === undefined) {
      removePath(cpu, ['model']);
      removePath(cpu, ['vendor']);
    } else putText(cpu, ['model'], model);
    prune(domain, CPU);
  },
  // For a running guest with the host's model, libvirt reports the resolved model.
  sameLive: (wanted, live) => wanted === 'host-model' && live?.startsWith('custom ') === true,
};

const TOPOLOGY = ['cpu', 'topology'] as const;
const PARTS = ['sockets', 'dies', 'clusters', 'cores', 'threads'] as const;

export interface CpuTopology {
  readonly sockets: number;
  readonly dies: number;
  readonly cores: number;
  readonly threads: number;
  readonly clusters: number;
}

/** `sockets=1 dies=1 cores=4 threads=2`; clusters only if there is more than one. */
export function topologyText(topology: CpuTopology): string {
  return PARTS.filter((part) => part !== 'clusters' || topology.clusters !== 1)
    .map((part) => `${part}=${topology[part]}`)
    .join(' ');
}

/** Omitted parts are 1; undefined for an invalid topology. */
export function parseTopology(value: string): CpuTopology | undefined {
  const found = { sockets: 1, dies: 1, clusters: 1, cores: 1, threads: 1 };
  const seen = new Set<string>();
  for (const word of value.split(' ')) {
    const [, name, count] = /^([a-z]+)=([1-9]\d{0,4})$/.exec(word) ?? [];
    const part = PARTS.find((each) => each === name);
    if (part === undefined || seen.has(part)) return undefined;
    seen.add(part);
    found[part] = Number(count);
  }
  return found;
}

const topology: Setting = {
  id: 'cpu.topology',
  title: 'CPU topology that the guest sees: sockets, dies, cores, threads',
  on: 'domain',
  read: (domain) => {
    const element = findPath(domain, TOPOLOGY);
    if (element === undefined) return undefined;
    const count = (part: string): number => wholeNumber(attr(element, part)) ?? 1;
    return topologyText({
      sockets: count('sockets'),
      dies: count('dies'),
      clusters: count('clusters'),
      cores: count('cores'),
      threads: count('threads'),
    });
  },
  write: (domain, _, value) => {
    const parts = value === undefined ? undefined : parseTopology(value);
    if (parts === undefined) {
      removePath(domain, TOPOLOGY);
      return;
    }
    const element = ensurePath(domain, TOPOLOGY);
    for (const part of PARTS) {
      // A libvirt without clusters (before 10.1) rejects the attribute.
      if (part === 'clusters' && parts.clusters === 1) element.removeAttribute(part);
      else element.setAttribute(part, String(parts[part]));
    }
  },
};

function featureSetting(name: string, title: string): Setting {
  return attributeSetting({
    id: `cpu.feature.${name}`,
    title,
    on: 'domain',
    path: ['cpu', { name: 'feature', with: ['name', name] }],
    attribute: 'policy',
  });
}

/** Whether the guest has a performance monitoring unit; QEMU's default is yes. */
const pmu = attributeSetting({
  id: 'pmu',
  title: 'virtual PMU (performance counters)',
  on: 'domain',
  path: ['features', 'pmu'],
  attribute: 'state',
});

export const cpuSettings = [
  mode,
  topology,
  featureSetting('tsc-deadline', 'TSC deadline timer'),
  featureSetting('invtsc', 'invariant TSC; prevents migration'),
  pmu,
] as const;
