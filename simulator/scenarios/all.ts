import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';
import { ioStorm } from './io-storm.ts';
import { memoryPressure } from './memory-pressure.ts';
import { noisyNeighbour } from './noisy-neighbour.ts';
import { numaSplitDatabase } from './numa-split-database.ts';
import { overcommitted } from './overcommitted.ts';
import { untuned } from './untuned.ts';

export const scenarios: Readonly<Record<string, ScenarioInput>> = Object.fromEntries(
  [calm, overcommitted, noisyNeighbour, numaSplitDatabase, ioStorm, memoryPressure, untuned].map((each) => [
    each.name,
    each,
  ]),
);
