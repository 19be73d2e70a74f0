export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}`;

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

export const DURATION = /^(\d+)([smhd])$/;

/** @throws RangeError when it is not a duration. */
export function secondsOf(duration: string): number {
  const match = DURATION.exec(duration);
  if (match === null)
    throw new RangeError(
      `"${duration}" is not a duration: expected a whole number and a unit (s, m, h or d), such as 15m`,
    );
  return Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS];
}

/** In the largest unit that needs no fraction. */
export function durationOf(seconds: number): Duration {
  const whole = Math.round(seconds);
  for (const unit of ['d', 'h', 'm'] as const) {
    if (whole > 0 && whole % SECONDS[unit] === 0) return `${whole / SECONDS[unit]}${unit}`;
  }
  return `${whole}s`;
}
