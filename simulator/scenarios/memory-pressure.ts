import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const memoryPressure: ScenarioInput = {
  ...calm,
  name: 'memory-pressure',
  description: 'Memory is overcommitted: guests are ballooned, and swap.',
  // The pools are only large enough for the databases.
  host: { memoryGiB: 96, hugepages: { 1048576: 0 } },
};
