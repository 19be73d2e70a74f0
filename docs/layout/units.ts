/** Writes a figure as Grafana would, by its name of the unit. */
export function formatValue(value: number, unit: string): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'no value' : 'infinite';
  switch (unit) {
    case 'percentunit':
      return `${digits(value * 100)} %`;
    case 'percent':
      return `${digits(value)} %`;
    case 'bytes':
      return scaled(value, 1_024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']);
    case 'Bps':
      return scaled(value, 1_000, ['B/s', 'kB/s', 'MB/s', 'GB/s']);
    case 's':
      return seconds(value);
    case 'iops':
    case 'pps':
    case 'ops':
      return scaled(value, 1_000, [
        `${unit === 'iops' ? 'io' : unit === 'pps' ? 'p' : 'ops'}/s`,
        'k/s',
        'M/s',
      ]);
    case 'dateTimeFromNow':
      return `${seconds(Math.max(0, Date.now() - value) / 1_000)} ago`;
    case 'short':
      return scaled(value, 1_000, ['', 'K', 'Mil']);
    default:
      return digits(value);
  }
}

function seconds(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 1e-3) return `${digits(value * 1e6)} µs`;
  if (size < 1) return `${digits(value * 1e3)} ms`;
  if (size < 120) return `${digits(value)} s`;
  if (size < 7_200) return `${digits(value / 60)} min`;
  return size < 172_800 ? `${digits(value / 3_600)} h` : `${digits(value / 86_400)} d`;
}

function scaled(value: number, step: number, names: readonly string[]): string {
  let index = 0;
  let left = value;
  while (Math.abs(left) >= step && index < names.length - 1) {
    left /= step;
    index++;
  }
  return `${digits(left)} ${names[index] ?? ''}`.trim();
}

function digits(value: number): string {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}
