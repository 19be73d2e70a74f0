import type { AlertGroup } from '../rule.ts';
import { cpuAlerts } from './cpu.ts';
import { guestAlerts } from './guests.ts';
import { memoryAlerts } from './memory.ts';
import { overcommitAlerts } from './overcommit.ts';
import { shippingAlerts } from './shipping.ts';
import { storageAlerts } from './storage.ts';
import { tuningAlerts } from './tuning.ts';
import { virtuneAlerts } from './virtune.ts';

/** All alerts, by group. */
export const alertGroups: readonly AlertGroup[] = [
  overcommitAlerts,
  cpuAlerts,
  memoryAlerts,
  storageAlerts,
  guestAlerts,
  tuningAlerts,
  virtuneAlerts,
  shippingAlerts,
];
