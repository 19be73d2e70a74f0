/** A linear scale of a chart, with round numbers to label. */
export interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

const STEPS = [1, 2, 2.5, 5, 10];
const TICKS_WANTED = 6;
/** Below this, a tenth cannot be computed. */
const SMALLEST = 1e-300;

/**
 * Maps values to pixels; a constant gets room around it.
 *
 * @param to pixel of the largest value; smaller than `from` on an axis that points up.
 */
export function linearScale(values: readonly number[], from: number, to: number): Scale {
  const finite = values.filter(Number.isFinite);
  const [least, most] = [Math.min(...finite), Math.max(...finite)];
  const magnitude = Math.max(Math.abs(least), Math.abs(most));
  const isConstant = most - least <= Math.max(SMALLEST, 1e-9 * magnitude);
  const room = isConstant ? (magnitude > SMALLEST ? magnitude * 0.1 : 1) : (most - least) * 0.05;
  const [low, high] = finite.length === 0 ? [0, 1] : [least - room, most + room];
  const rough = (high - low) / TICKS_WANTED;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const count = Math.max(0, Math.floor(high / step) - first + 1);
  return {
    ticks: Array.from({ length: count }, (_, at) => (first + at) * step),
    at: (value) => pixels(from + ((value - low) / (high - low)) * (to - from)),
  };
}

/** In a chart; a tenth of a pixel is invisible. */
export const pixels = (value: number): number => Number(value.toFixed(1));

/** As many digits as help a reader to compare. */
export const shortNumber = (value: number): string => String(Number(value.toPrecision(4)));
