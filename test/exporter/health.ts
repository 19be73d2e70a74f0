import type { SamplerHealth } from '../../sampler/host-sample.ts';

/** Health of a host that has never been connected. */
export const CLOSED: SamplerHealth = {
  control: { kind: 'closed' },
  lastError: undefined,
  connections: 0,
  reconnects: 0,
  stuckCalls: 0,
  unknownStatistics: 0,
};
