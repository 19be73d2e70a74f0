import type { RuleContext } from './context.ts';

/**
 * Memory of hosts or NUMA cells that is not in a pool of huge pages: the kernel takes a pool from the rest when it is
 * allocated, whether VMs use it or not. All of it where an exporter does not report pools.
 */
export function ordinaryMemory(
  name: 'libvirt_host_memory_bytes' | 'libvirt_host_numa_memory_bytes',
  metric: RuleContext['metric'],
): string {
  return `sum without (kind) (${metric(name, 'kind="total"')} or -${metric(name, 'kind="hugepages"')})`;
}
