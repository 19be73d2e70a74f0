/** `1 core`, `3 cores`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`;

const UNITS = [
  ['GiB', 1_048_576],
  ['MiB', 1_024],
] as const;

/** `2 MiB`, `1.5 GiB`. */
export function sized(kib: number): string {
  const [unit, size] = UNITS.find(([, each]) => kib >= each) ?? (['KiB', 1] as const);
  return `${Number((kib / size).toFixed(1)).toLocaleString('en')} ${unit}`;
}

/** `a`, `a and b`, `a, b and c`; a long list is cut to its first items. */
export function listed(items: readonly string[], max = 4): string {
  const shown = items.length > max ? [...items.slice(0, max), `${items.length - max} more`] : items;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
