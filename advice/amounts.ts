const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Number format of evidence and sentences: integers as they are, two decimals below ten, else one. */
export function numberText(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(1);
}

/** `7 GiB`, `341.9 GiB`, `1.50 MiB`: an amount of bytes in a sentence, in the units of evidence. */
export function amount(bytes: number): string {
  let scaled = Math.abs(bytes);
  let unit = 0;
  // 1,023.96 would be shown as 1024.0.
  while (scaled >= 1_023.95 && unit < BINARY.length - 1) {
    scaled /= 1_024;
    unit++;
  }
  // Fractions of a byte are not shown.
  const shown = unit === 0 ? Math.round(scaled) : Math.round(scaled * 100) / 100;
  return `${bytes < 0 ? '-' : ''}${numberText(shown)} ${BINARY[unit]}`;
}
