import { blockMetrics, netMetrics, vcpuMetrics } from './devices.ts';
import { domainMetrics } from './domain.ts';
import { healthMetrics } from './health.ts';
import { diskInfoMetrics, domainInfoMetrics, interfaceInfoMetrics } from './info.ts';
import type { Metric } from './metric.ts';

/** Every metric that virtune exports, named once. */
export const catalogue: readonly Metric[] = [
  ...Object.values(healthMetrics),
  ...domainInfoMetrics,
  ...domainMetrics,
  ...vcpuMetrics,
  ...blockMetrics,
  ...diskInfoMetrics,
  ...netMetrics,
  ...interfaceInfoMetrics,
];
