import { Registry } from 'prom-client';
import type { Format } from './text.ts';

/** One set of metrics in each format: prom-client ties the format to the registry. */
export type Registries = Readonly<Record<Format, Registry>>;

/** @param registry the metrics, all of them registered already */
export function registriesOf(registry: Registry): Registries {
  const openMetrics = new Registry();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  for (const metric of registry.getMetricsAsArray()) openMetrics.registerMetric(metric as never);
  return { text: registry, openMetrics };
}
