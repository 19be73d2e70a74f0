import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const memoryPressure: ScenarioInput = {
  ...calm,
  name: 'memory-pressure',
  description: 'Memory is overcommitted: guests are ballooned, and swap.',
  host: { memoryGiB: 96 },
};
