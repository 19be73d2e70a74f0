import type { Page } from '../page.ts';
import { fleetPage } from './fleet.ts';

/** Every page, in the order of looking: from the fleet down to one VM, then what explains it. */
export const pages = (): readonly Page[] => [fleetPage()];
