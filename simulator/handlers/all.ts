import { agentHandlers } from './agent.ts';
import type { Handlers } from './context.ts';
import { domainHandlers } from './domain.ts';
import { nodeHandlers } from './node.ts';
import { storageHandlers } from './storage.ts';
import { tuningHandlers } from './tuning.ts';

/** Every call that the simulated host answers; opening, authentication and events are the session's. */
export const handlers: Handlers = {
  ...domainHandlers,
  ...tuningHandlers,
  ...nodeHandlers,
  ...storageHandlers,
  ...agentHandlers,
};
