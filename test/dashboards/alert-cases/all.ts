import type { AlertCase } from './case.ts';
import { cpuCases } from './cpu.ts';
import { guestCases } from './guests.ts';
import { memoryCases } from './memory.ts';
import { overcommitCases } from './overcommit.ts';
import { storageCases } from './storage.ts';
import { virtuneCases } from './virtune.ts';

export const alertCases: readonly AlertCase[] = [
  ...overcommitCases,
  ...cpuCases,
  ...memoryCases,
  ...storageCases,
  ...guestCases,
  ...virtuneCases,
];
