/** Prometheus keeps every value of a label for as long as it keeps the series. */
const MAX_LENGTH = 200;
/** A guest agent or a VM's title may be megabytes long; what comes after this cannot show in the label. */
const READ_CHARS = 4_096;

/** Somebody else's text as a label: one line without control characters, of bounded length; nothing for nothing. */
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
