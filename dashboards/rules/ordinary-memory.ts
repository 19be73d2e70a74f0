import type { RuleContext } from './context.ts';

/**
 * Memory of hosts or NUMA cells outside of hugepage pools, which the kernel reserves when they are allocated, whether
 * VMs use them or not. All memory if an exporter does not report pools.
 */
export function ordinaryMemory(
  name: 'libvirt_host_memory_bytes' | 'libvirt_host_numa_memory_bytes',
  metric: RuleContext['metric'],
): string {
  return `sum without (kind) (${metric(name, 'kind="total"')} or -${metric(name, 'kind="hugepages"')})`;
}
