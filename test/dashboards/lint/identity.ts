import { selectorsOf } from '../promql.ts';
import { type Dashboard, expanded, type Panel } from './dashboard.ts';
import { isOfCluster } from './rules.ts';

/** The labels that identify a host: two clusters may both have a kvm1, and two jobs may scrape the same address. */
const IDENTITY = ['cluster', 'job', 'instance'];

/** Places where a dashboard would mix up two hosts or two VMs of the same name. */
export function mixedUp(dashboard: Dashboard): string[] {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  return [
    ...panels.flatMap(unchosen),
    ...panels.flatMap(joins),
    ...panels.flatMap(names),
    ...panels.flatMap(tableRows),
  ];
}

/** Queries that read series of clusters that are not selected. */
function unchosen({ title, targets = [] }: Panel): string[] {
  return targets
    .flatMap(({ expr }) => selectorsOf(expanded(expr)))
    .filter(
      ({ matchers }) =>
        !matchers.some(({ label, op, value }) => label === 'cluster' && op === '=~' && value === '$cluster'),
    )
    .map(({ name }) => `${title} asks for ${name} of every cluster`);
}

function joins({ title, targets = [] }: Panel): string[] {
  return targets
    .flatMap(({ expr }) => [...expr.matchAll(/\bon \(([^)]*)\)/g)])
    .map((match) => match[1] ?? '')
    .filter((labels) => !IDENTITY.every((label) => labels.split(', ').includes(label)))
    .map((labels) => `${title} matches on ${labels}`);
}

/** Legends that name a host or a VM without its identity. */
function names({ title, targets = [] }: Panel): string[] {
  return targets
    .map(({ legendFormat = '' }) => legendFormat)
    .filter((legend) => /\{\{(domain|instance|storage_pool|target_device|cell)\}\}/.test(legend))
    .filter((legend) => !legend.includes('{{instance}} {{cluster}}'))
    .map((legend) => `${title} calls two series ${legend}`);
}

function tableRows({ type, title, targets = [] }: Panel): string[] {
  if (type !== 'table') return [];
  return targets
    .filter(({ expr }) => {
      const by = /^max by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? [];
      const wanted = selectorsOf(expanded(expr)).every(({ name }) => isOfCluster(name))
        ? ['cluster']
        : IDENTITY;
      return !wanted.every((label) => by.includes(label));
    })
    .map(({ refId }) => `${title} has one row for several hosts in ${refId}`);
}
