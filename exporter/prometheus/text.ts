/** The two formats of a scrape, as Prometheus names them in its Accept header. */
export const FORMATS = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;
export type Format = keyof typeof FORMATS;

/** Escapes a label value; a VM's name is arbitrary user input. */
export function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value)
    ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
    : value;
}

/** `a="1",b="2"`, in the order given; what is absent is left out. */
export function labelPairs(labels: Readonly<Record<string, string | undefined>>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (value !== undefined) parts.push(`${name}="${escapeLabel(value)}"`);
  }
  return parts.join(',');
}

/** A family's name in OpenMetrics, where a counter's `_total` is part of the sample names only. */
export function openMetricsFamily({ name, type }: { readonly name: string; readonly type: string }): string {
  return type === 'counter' ? name.replace(/_total$/, '') : name;
}

/** HELP and TYPE. OpenMetrics escapes quotes in a help text too. */
export function familyHead(
  format: Format,
  { name, type, help }: { name: string; type: string; help: string },
): string {
  const open = format === 'openMetrics';
  const family = open ? openMetricsFamily({ name, type }) : name;
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const text = open ? escaped.replaceAll('"', '\\"') : escaped;
  return `# HELP ${family} ${text}\n# TYPE ${family} ${type === 'info' ? 'gauge' : type}\n`;
}

export function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}
