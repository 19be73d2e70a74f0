import type { Advice } from '../../advice/advice.ts';
import { advise } from '../../advice/engine.ts';
import type { HostObservation } from '../../advice/observation.ts';
import { type Finding, findingOf } from './finding.ts';

/** Samples with rates: with fewer, a VM's load may be just a burst. */
export const MIN_SAMPLES = 3;

/** Advice for a host, computed when it is first shown. */
export class HostAdvice {
  readonly observation: HostObservation | undefined;
  #all: readonly Advice[] | undefined;
  #byVm: ReadonlyMap<string, readonly Finding[]> | undefined;

  constructor(observation: HostObservation | undefined) {
    this.observation = observation;
  }

  /** Whether there are enough samples for load findings; if not, having none means nothing. */
  get isComplete(): boolean {
    return (this.observation?.samples ?? 0) >= MIN_SAMPLES;
  }

  /** By impact, worst first. */
  get all(): readonly Advice[] {
    this.#all ??= this.observation === undefined ? [] : advise(this.observation, { minSamples: MIN_SAMPLES });
    return this.#all;
  }

  /** Findings of a VM, by impact, worst first. */
  of(uuid: string): readonly Finding[] {
    this.#byVm ??= this.#findings();
    return this.#byVm.get(uuid) ?? [];
  }

  #findings(): ReadonlyMap<string, readonly Finding[]> {
    const found = new Map<string, Finding[]>();
    const uri = this.observation?.uri ?? '';
    for (const advice of this.all) {
      for (const { uuid, evidence } of advice.victims) {
        const finding = findingOf(advice, uuid, evidence, uri);
        const known = found.get(uuid);
        if (known === undefined) found.set(uuid, [finding]);
        else known.push(finding);
      }
    }
    return found;
  }
}
