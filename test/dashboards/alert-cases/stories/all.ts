import { demandStories } from './demand.ts';
import { hostStories } from './hosts.ts';
import { identityStories } from './identity.ts';
import { memoryStories } from './memory.ts';
import { migrationStories } from './migration.ts';
import { silenceStories } from './silence.ts';
import { storageStories } from './storage.ts';
import type { Story } from './story.ts';
import { thresholdStories } from './thresholds.ts';

export const stories: readonly Story[] = [
  ...migrationStories,
  ...demandStories,
  ...memoryStories,
  ...storageStories,
  ...identityStories,
  ...silenceStories,
  ...hostStories,
  ...thresholdStories,
];
