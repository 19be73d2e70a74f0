import { Registry } from 'prom-client';
import type { Format } from './text.ts';

/** The same metrics once per format: prom-client ties the format to the registry. */
export type Registries = Readonly<Record<Format, Registry>>;

/** @param registry must be complete: metrics registered later appear in the text format only */
export function registriesOf(registry: Registry): Registries {
  const openMetrics = new Registry();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  for (const metric of registry.getMetricsAsArray()) openMetrics.registerMetric(viewOf(metric) as never);
  return { text: registry, openMetrics };
}

/**
 * The same metric with a `name` that can change separately. prom-client strips `_total` from a counter's name when it
 * writes OpenMetrics, and never restores it (Registry.metrics() in lib/registry.js), which would rename the counter in
 * every later text scrape.
 */
function viewOf<M extends object>(metric: M): M {
  return Object.create(metric, {
    name: { value: (metric as { readonly name?: string }).name, writable: true, enumerable: true },
  }) as M;
}
