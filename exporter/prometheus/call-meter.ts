import { exporterMetrics } from '../../model/catalogue/exporter.ts';
import { msToSeconds } from '../../model/units.ts';
import { escapeLabel, type Format, familyHead, number } from './text.ts';

const { calls: CALLS, callDuration: DURATION } = exporterMetrics;
/** Upper bounds, ms. */
const BOUNDS_MS = [1, 5, 20, 100, 500, 2_000];

interface Procedure {
  /** Per bucket, the last one above all bounds; not cumulative. */
  readonly counts: number[];
  sumMs: number;
  readonly outcomes: Map<string, number>;
}

/**
 * Counts calls and their durations. Hand-written, since prom-client costs several µs per call, and a scrape makes two
 * calls per VM.
 */
export class CallMeter {
  readonly #procedures = new Map<string, Procedure>();

  /** Called for each call that a sampler's connections make. */
  readonly observe = (name: string, durationMs: number, error: Error | undefined): void => {
    let procedure = this.#procedures.get(name);
    if (procedure === undefined) {
      procedure = { counts: new Array(BOUNDS_MS.length + 1).fill(0), sumMs: 0, outcomes: new Map() };
      this.#procedures.set(name, procedure);
    }
    const place = BOUNDS_MS.findIndex((bound) => durationMs <= bound);
    const index = place < 0 ? BOUNDS_MS.length : place;
    procedure.counts[index] = (procedure.counts[index] ?? 0) + 1;
    procedure.sumMs += durationMs;
    const outcome = error === undefined ? 'ok' : ((error as { code?: string }).code ?? 'VIRTUNE_INTERNAL');
    procedure.outcomes.set(outcome, (procedure.outcomes.get(outcome) ?? 0) + 1);
  };

  encode(format: Format): string {
    if (this.#procedures.size === 0) return '';
    let calls = familyHead(format, CALLS);
    let durations = familyHead(format, DURATION);
    for (const [name, { counts, sumMs, outcomes }] of this.#procedures) {
      for (const [outcome, count] of outcomes) {
        calls += `${CALLS.name}{procedure="${name}",outcome="${escapeLabel(outcome)}"} ${count}\n`;
      }
      let total = 0;
      for (const [index, boundMs] of BOUNDS_MS.entries()) {
        total += counts[index] ?? 0;
        durations += `${DURATION.name}_bucket{procedure="${name}",le="${msToSeconds(boundMs)}"} ${total}\n`;
      }
      total += counts[BOUNDS_MS.length] ?? 0;
      durations += `${DURATION.name}_bucket{procedure="${name}",le="+Inf"} ${total}\n`;
      durations += `${DURATION.name}_sum{procedure="${name}"} ${number(msToSeconds(sumMs))}\n`;
      durations += `${DURATION.name}_count{procedure="${name}"} ${total}\n`;
    }
    return calls + durations;
  }
}
