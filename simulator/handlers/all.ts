import { agentHandlers } from './agent.ts';
import { balloonHandlers } from './balloon.ts';
import type { Handlers } from './context.ts';
import { definitionHandlers } from './definition.ts';
import { deviceHandlers } from './devices.ts';
import { domainHandlers } from './domain.ts';
import { ioThreadHandlers } from './iothreads.ts';
import { lifecycleHandlers } from './lifecycle.ts';
import { metadataHandlers } from './metadata.ts';
import { nodeHandlers } from './node.ts';
import { parameterHandlers } from './parameters.ts';
import { pinHandlers } from './pins.ts';
import { secretHandlers } from './secret.ts';
import { storageHandlers } from './storage.ts';

/** Every call that the simulated host answers; opening, authentication and events are handled by the session. */
export const handlers: Handlers = {
  ...domainHandlers,
  ...definitionHandlers,
  ...lifecycleHandlers,
  ...pinHandlers,
  ...ioThreadHandlers,
  ...parameterHandlers,
  ...balloonHandlers,
  ...metadataHandlers,
  ...deviceHandlers,
  ...nodeHandlers,
  ...storageHandlers,
  ...secretHandlers,
  ...agentHandlers,
};
