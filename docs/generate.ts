import { writeFileSync } from 'node:fs';
import { ProfileLibrary } from '../tuner/profile/library.ts';
import { metricReference } from './metric-reference.ts';
import { profileReference } from './profile-reference.ts';

/** `npm run docs`: writes what is made from tables; tests hold the files against them. */
writeFileSync(new URL('metrics.md', import.meta.url), metricReference());
writeFileSync(new URL('profiles.md', import.meta.url), profileReference(ProfileLibrary.open([])));
