import type { Page } from '../page.ts';
import { fleetPage } from './fleet.ts';
import { healthPage } from './health.ts';
import { hostPage } from './host/page.ts';
import { neighboursPage } from './neighbours.ts';
import { storagePage } from './storage.ts';
import { tuningPage } from './tuning.ts';
import { vmPage } from './vm/page.ts';

/** Every page, from the fleet down to a single VM, then the diagnostic pages. */
export const pages = (): readonly Page[] => [
  fleetPage(),
  hostPage(),
  vmPage(),
  neighboursPage(),
  storagePage(),
  tuningPage(),
  healthPage(),
];
