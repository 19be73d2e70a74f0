import { limitsOf } from './limits.ts';

/** Limits used by several panels. */
export const byContention = () => limitsOf('green', ['red', 'HostCpuContentionHigh', 'contention']);
export const bySteal = () =>
  limitsOf('green', ['orange', 'DomainCpuStealHigh', 'steal'], ['red', 'DomainCpuStealCritical', 'steal']);
export const byRequestLatency = () => limitsOf('green', ['orange', 'DiskLatencyHigh', 'seconds']);
