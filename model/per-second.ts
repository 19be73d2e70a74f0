/** A counter's growth per second; undefined when it is new, gone, or was reset (it fell). */
export function perSecond(
  previous: number | undefined,
  current: number | undefined,
  elapsedMs: number,
): number | undefined {
  if (previous === undefined || current === undefined || current < previous || elapsedMs <= 0)
    return undefined;
  return ((current - previous) * 1_000) / elapsedMs;
}
