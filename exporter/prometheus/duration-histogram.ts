import { msToSeconds } from '../../model/units.ts';
import { type Format, familyHead, number } from './text.ts';

/** Upper bounds, ms. */
const BOUNDS_MS = [5, 20, 50, 100, 250, 500, 1_000, 5_000, 30_000, 60_000];

/** Counts how long requests took. */
export class DurationHistogram {
  readonly #counts: number[] = new Array(BOUNDS_MS.length + 1).fill(0);
  #sumMs = 0;

  observe(durationMs: number): void {
    const place = BOUNDS_MS.findIndex((bound) => durationMs <= bound);
    const index = place < 0 ? BOUNDS_MS.length : place;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sumMs += durationMs;
  }

  encode(
    format: Format,
    metric: { readonly name: string; readonly type: string; readonly help: string },
  ): string {
    let text = familyHead(format, metric);
    let total = 0;
    for (const [index, boundMs] of BOUNDS_MS.entries()) {
      total += this.#counts[index] ?? 0;
      text += `${metric.name}_bucket{le="${msToSeconds(boundMs)}"} ${total}\n`;
    }
    total += this.#counts[BOUNDS_MS.length] ?? 0;
    text += `${metric.name}_bucket{le="+Inf"} ${total}\n`;
    text += `${metric.name}_sum ${number(msToSeconds(this.#sumMs))}\n`;
    return `${text}${metric.name}_count ${total}\n`;
  }
}
