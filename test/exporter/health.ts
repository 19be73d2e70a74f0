import type { SamplerHealth } from '../../sampler/host-sample.ts';

/** Of a host that nobody has connected to. */
export const CLOSED: SamplerHealth = {
  control: { kind: 'closed' },
  lastError: undefined,
  connections: 0,
  reconnects: 0,
  stuckCalls: 0,
  unknownStatistics: 0,
};
