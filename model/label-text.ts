/** Prometheus stores every label value for as long as it keeps the series. */
const MAX_LENGTH = 200;
/** A guest agent's text or a VM's title may be megabytes long; what follows this cannot end up in the label. */
const READ_CHARS = 4_096;

/** Untrusted text as a label: one line without control characters, bounded in length; undefined if nothing is left. */
export function labelText(text: string): string | undefined {
  const line = text
    .trimStart()
    .slice(0, READ_CHARS)
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  if (line === '') return undefined;
  const points = [...line];
  return points.length > MAX_LENGTH ? `${points.slice(0, MAX_LENGTH - 1).join('')}…` : line;
}
