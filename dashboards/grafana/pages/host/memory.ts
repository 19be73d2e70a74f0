import { limitsOf } from '../../limits.ts';
import { figure, graph, stack } from '../../panels.ts';
import { of, rateOf } from '../../query.ts';

const total = of('libvirt_host_memory_bytes', 'kind="total"');
const AVAILABLE = of('libvirt_host_memory_available_bytes');
const PROMISED = of('libvirt_host_memory_promised_bytes', 'kind=~"maximum|current"');

export const promisedFigure = () =>
  figure({
    title: 'Memory promised',
    help: "The most that running VMs may have, as a share of the host's memory.",
    unit: 'percentunit',
    queries: [{ expr: `max(${of('libvirt_host_memory_overcommit_ratio', 'kind="maximum"')})` }],
    limits: limitsOf('green', ['orange', 'HostMemoryOvercommitHigh', 'ratio']),
    span: 4,
  });

export const availableFigure = () =>
  figure({
    title: 'Memory available',
    help: 'Share of its memory that the host could give without swapping.',
    unit: 'percentunit',
    queries: [{ expr: `min(${of('instance:virtune_host_memory_available:ratio')})` }],
    limits: limitsOf('red', ['green', 'HostMemoryHeadroomLow', 'available']),
    span: 4,
  });

export const hostMemory = () =>
  graph({
    title: 'Memory of the host',
    help: 'What there is, what could be given without swapping, and what is free outright.',
    unit: 'bytes',
    queries: [
      { expr: total, legend: 'total {{instance}}' },
      { expr: AVAILABLE, legend: 'available {{instance}}' },
      { expr: of('libvirt_host_memory_bytes', 'kind="free"'), legend: 'free {{instance}}' },
    ],
  });

export const promised = () =>
  graph({
    title: 'Promised, given, and resident',
    help: 'The most that running and paused VMs may have, what their balloons give them now, and what their processes hold on the host.',
    unit: 'bytes',
    queries: [
      { expr: PROMISED, legend: '{{kind}} {{instance}}' },
      {
        expr: `sum without (domain) (${of('libvirt_domain_memory_stats_rss_bytes')})`,
        legend: 'resident {{instance}}',
      },
      { expr: total, legend: 'of the host {{instance}}' },
    ],
  });

export const memoryPressure = () =>
  graph({
    title: 'Waiting for memory',
    help: 'Share of the time that some or all tasks of the host waited for memory (PSI): some reclaim, full stalls.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('instance:virtune_host_pressure:ratio_rate5m', 'resource="memory"'),
        legend: '{{share}} {{instance}}',
      },
    ],
    limits: limitsOf('green', ['orange', 'HostMemoryStalled', 'full'], ['red', 'HostMemoryPressure', 'some']),
  });

export const swap = () =>
  graph({
    title: 'Swap traffic',
    help: 'Pages a second that the host reads back from swap and writes to it. Reading back is what hurts.',
    unit: 'short',
    queries: [
      { expr: of('instance:virtune_host_swapped_in_pages:rate5m'), legend: 'in {{instance}}' },
      { expr: rateOf('libvirt_host_swapped_out_pages_total'), legend: 'out {{instance}}' },
    ],
    limits: limitsOf('green', ['red', 'HostSwappingIn', 'swapIn']),
  });

export const ksm = () =>
  stack({
    title: 'Memory that KSM saves',
    help: 'What would be needed if guests rewrote all that is merged. More than is available means dependence on it.',
    unit: 'bytes',
    queries: [{ expr: of('libvirt_host_ksm_saved_bytes'), legend: '{{instance}}' }],
    span: 24,
    height: 5,
  });
