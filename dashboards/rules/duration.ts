/** A duration in Prometheus' syntax, with a single unit. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`;

const SECONDS = { d: 86_400, h: 3_600, m: 60 } as const;

/** In the largest unit that gives a whole number. */
export function durationOf(seconds: number): Duration {
  const whole = Math.round(seconds);
  for (const unit of ['d', 'h', 'm'] as const) {
    if (whole > 0 && whole % SECONDS[unit] === 0) return `${whole / SECONDS[unit]}${unit}`;
  }
  return `${whole}s`;
}
