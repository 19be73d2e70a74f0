/** Figures for table columns: at most six characters, about three significant digits. */

const BINARY = ['B', 'K', 'M', 'G', 'T', 'P', 'E'];
const DECIMAL = ['', 'k', 'M', 'G', 'T'];

/** `1.5G`, in powers of 1,024. */
export function bytes(value: number): string {
  return scaledBy(1_024, BINARY, value);
}

/** `1.5k`, in powers of 1,000. */
export function count(value: number): string {
  return scaledBy(1_000, DECIMAL, value);
}

function scaledBy(base: number, units: readonly string[], value: number): string {
  let scaled = Math.abs(value);
  let unit = 0;
  while (scaled >= base * 0.99995 && unit < units.length - 1) {
    scaled /= base;
    unit++;
  }
  const sign = value < 0 ? '-' : '';
  return `${sign}${digits(scaled, unit === 0)}${units[unit]}`;
}

function digits(value: number, whole: boolean): string {
  if (value === 0) return '0';
  if (whole && value >= 1 && Number.isInteger(value)) return String(value);
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Of a value that is already in percent. */
export function percent(value: number): string {
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

export function milliseconds(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** `4d03h`, `3:07:09`, `7:09`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600),
    Math.floor(whole / 60),
  ];
  if (days > 0) return `${days}d${two(hours % 24)}h`;
  if (hours > 0) return `${hours}:${two(minutes % 60)}:${two(whole % 60)}`;
  return `${minutes}:${two(whole % 60)}`;
}

export function ratio(value: number): string {
  return value.toFixed(2);
}

/** `2M`, `1G`: huge page sizes, which are whole in their unit. */
export function pageSize(sizeKiB: number): string {
  return bytes(sizeKiB * 1_024).replace('.0', '');
}
