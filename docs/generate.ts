import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ProfileLibrary } from '../tuner/profile/library.ts';
import { withTables } from './column-reference.ts';
import { compatibilityReference } from './compatibility-reference.ts';
import { metricReference } from './metric-reference.ts';
import { profileReference } from './profile-reference.ts';
import { screenshots } from './screenshots.ts';

/** `npm run docs`: writes what is made from tables and from the console; tests hold the files against them. */
const here = (name: string): URL => new URL(name, import.meta.url);
writeFileSync(here('metrics.md'), metricReference());
writeFileSync(here('compatibility.md'), compatibilityReference());
writeFileSync(here('profiles.md'), profileReference(await ProfileLibrary.open([])));
writeFileSync(here('top.md'), withTables(readFileSync(here('top.md'), 'utf8')));
mkdirSync(here('images'), { recursive: true });
for (const [name, picture] of screenshots()) writeFileSync(here(name), picture);
