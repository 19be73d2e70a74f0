import type { ScenarioInput } from '../scenario.ts';
import { calm } from './calm.ts';

export const memoryPressure: ScenarioInput = {
  ...calm,
  name: 'memory-pressure',
  description: 'Guests may use more memory than the host has; their balloons are squeezed and they swap.',
  host: { memoryGiB: 96 },
};
