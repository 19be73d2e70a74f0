import { type Line, type Role, span } from '../text/line.ts';

export interface Part {
  /** Fraction of the whole, 0 to 1. */
  readonly share: number;
  readonly role: Role;
  readonly glyph: string;
}

/** `[||||####      ]`: parts side by side; each has its glyph, so that they differ without colour too. */
export function bar(parts: readonly Part[], width: number): Line {
  const inner = Math.max(0, width - 2);
  const spans = [span('[', 'box')];
  let used = 0;
  let sum = 0;
  for (const { share, role, glyph } of parts) {
    sum += Math.max(0, Number.isFinite(share) ? share : 0);
    // Rounds the running sum, so that the total length is right.
    const to = Math.min(inner, Math.round(sum * inner));
    if (to > used) spans.push(span(glyph.repeat(to - used), role));
    used = Math.max(used, to);
  }
  spans.push(span(' '.repeat(inner - used)), span(']', 'box'));
  return spans;
}

/** A single fraction, coloured by its value. */
export function gauge(share: number, width: number): Line {
  const role = share >= 0.9 ? 'bar3' : share >= 0.7 ? 'bar2' : 'bar1';
  return bar([{ share, role, glyph: '|' }], width);
}

/** CPU utilization in six steps. */
export function heat(share: number): Role {
  const steps = [0.02, 0.25, 0.5, 0.75, 0.9];
  return `heat${steps.filter((step) => share >= step).length}` as Role;
}
