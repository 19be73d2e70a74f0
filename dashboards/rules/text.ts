import { asPercent, type Value } from './reference.ts';

/**
 * Building blocks of annotations. VM names are chosen by their owners, so they are quoted: `%q` escapes control
 * characters and line breaks.
 */
export const VM = 'VM {{ $labels.domain | printf "%q" }}';
export const HOST = 'host {{ $labels.instance }}{{ with $labels.cluster }} ({{ . }}){{ end }}';
export const DISK = 'disk {{ $labels.target_device }}';
export const NIC = 'interface {{ $labels.target_device }}';
export const POOL = 'storage pool {{ $labels.storage_pool | printf "%q" }}';
export const FLEET = 'the fleet{{ with $labels.cluster }} {{ . | printf "%q" }}{{ end }}';

/** The value of the alert. */
export const SHARE = '{{ $value | humanizePercentage }}';
export const NUMBER = '{{ $value | printf "%.2f" }}';
export const WHOLE = '{{ $value | printf "%.0f" }}';
export const LASTING = '{{ $value | humanizeDuration }}';
export const BYTES = '{{ $value | humanize1024 }}B';

/** Formats a threshold for a sentence. */
export const percent = (share: Value): string =>
  typeof share === 'string' ? asPercent(share) : `${Number((share * 100).toPrecision(3))} %`;

/** A value of the same host, queried when the alert fires; empty if missing. */
export function ofHost(selector: string, format: string): string {
  return `{{ with ${ofThisHost(selector)} }}{{ . | first | value | ${format} }}{{ end }}`;
}

/** The host's top three VMs. */
export function worstOfHost(selector: string): string {
  return `{{ range ${ofThisHost(selector, 'topk(3, ', ')')} }} {{ .Labels.domain | printf "%q" }} ({{ .Value | humanizePercentage }}){{ end }}`;
}

/** The host's top three disks, in seconds. */
export function slowestDisksOfHost(selector: string): string {
  return `{{ range ${ofThisHost(selector, 'topk(3, ', ')')} }} {{ .Labels.target_device }} of {{ .Labels.domain | printf "%q" }} ({{ .Value | humanizeDuration }}){{ end }}`;
}

/** The host's top three VMs, per second. */
export function busiestVmsOfHost(selector: string): string {
  return `{{ range ${ofThisHost(selector, 'topk(3, ', ')')} }} {{ .Labels.domain | printf "%q" }} ({{ .Value | printf "%.0f" }} requests per second){{ end }}`;
}

/** In a raw string of Go templates, so that PromQL keeps its quotes. A label that the alert lacks is empty. */
function ofThisHost(selector: string, before = '', after = ''): string {
  const open = selector.endsWith('}') ? `${selector.slice(0, -1)}, ` : `${selector}{`;
  return `printf \`${before}${open}cluster=%q, job=%q, instance=%q}${after}\` $labels.cluster $labels.job $labels.instance | query`;
}
