import { LEGEND } from '../../legends.ts';
import { limitsOf } from '../../limits.ts';
import { figure, graph, stack } from '../../panels.ts';
import { byHost, of, rateOf } from '../../query.ts';

const total = of('libvirt_host_memory_bytes', 'kind="total"');
const AVAILABLE = of('libvirt_host_memory_available_bytes');
const ALLOCATED = of('libvirt_host_memory_promised_bytes', 'kind=~"maximum|current"');

export const memoryOvercommit = () =>
  figure({
    title: 'Memory overcommit',
    help: 'Maximum memory of running and paused VMs / memory of the host, both without huge pages.',
    unit: 'percentunit',
    queries: [
      {
        expr: `max ${byHost()} (${of('libvirt_host_memory_overcommit_ratio', 'kind="maximum"')})`,
        legend: LEGEND.host,
      },
    ],
    limits: limitsOf('green', ['orange', 'HostMemoryOvercommitHigh', 'ratio']),
    span: 4,
  });

export const availableFigure = () =>
  figure({
    title: 'Memory available',
    help: "MemAvailable as a share of the host's memory that is not in huge page pools: usable without swapping.",
    unit: 'percentunit',
    queries: [
      {
        expr: `min ${byHost()} (${of('instance:virtune_host_memory_available:ratio')})`,
        legend: LEGEND.host,
      },
    ],
    limits: limitsOf('red', ['green', 'HostMemoryHeadroomLow', 'available']),
    span: 4,
  });

export const hostMemory = () =>
  graph({
    title: 'Host memory',
    help: 'Total, available (without swapping) and free memory of the host.',
    unit: 'bytes',
    queries: [
      { expr: total, legend: `total ${LEGEND.host}` },
      { expr: AVAILABLE, legend: `available ${LEGEND.host}` },
      { expr: of('libvirt_host_memory_bytes', 'kind="free"'), legend: `free ${LEGEND.host}` },
    ],
  });

export const memoryAllocation = () =>
  graph({
    title: 'Memory allocated to VMs',
    help: 'Maximum memory of running and paused VMs, current balloon size, and resident memory (RSS, without pages of huge page pools) of their QEMU processes.',
    unit: 'bytes',
    queries: [
      { expr: ALLOCATED, legend: `{{kind}} ${LEGEND.host}` },
      {
        expr: `sum without (domain) (${of('libvirt_domain_memory_stats_rss_bytes')})`,
        legend: `RSS ${LEGEND.host}`,
      },
      { expr: total, legend: `host total ${LEGEND.host}` },
    ],
  });

export const memoryPressure = () =>
  graph({
    title: 'Memory pressure',
    help: 'PSI: share of time that some or all (full) tasks of the host waited for memory.',
    unit: 'percentunit',
    queries: [
      {
        expr: of('instance:virtune_host_pressure:ratio_rate5m', 'resource="memory"'),
        legend: `{{share}} ${LEGEND.host}`,
      },
    ],
    limits: limitsOf('green', ['orange', 'HostMemoryStalled', 'full'], ['red', 'HostMemoryPressure', 'some']),
  });

export const swap = () =>
  graph({
    title: 'Swap traffic',
    help: 'Pages per second swapped in and out on the host. Swapping in slows guests if tasks wait for it: HostSwappingIn also needs memory or I/O pressure, since swap in memory (zram) is fast.',
    unit: 'short',
    queries: [
      { expr: of('instance:virtune_host_swapped_in_pages:rate5m'), legend: `in ${LEGEND.host}` },
      { expr: rateOf('libvirt_host_swapped_out_pages_total'), legend: `out ${LEGEND.host}` },
    ],
    limits: limitsOf('green', ['red', 'HostSwappingIn', 'swapIn']),
  });

export const ksm = () =>
  stack({
    title: 'Memory saved by KSM',
    help: 'Memory needed if guests rewrote all merged pages. If it exceeds available memory, the host depends on KSM.',
    unit: 'bytes',
    queries: [{ expr: of('libvirt_host_ksm_saved_bytes'), legend: LEGEND.host }],
    span: 24,
    height: 5,
  });
