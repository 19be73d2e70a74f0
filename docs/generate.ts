import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { withTables } from './column-reference.ts';
import { metricReference } from './metric-reference.ts';
import { screenshots } from './screenshots.ts';

/** `npm run docs`: writes what is made from the catalogue and from the console; a test holds the files against it. */
const here = (name: string): URL => new URL(name, import.meta.url);
writeFileSync(here('metrics.md'), metricReference());
writeFileSync(here('top.md'), withTables(readFileSync(here('top.md'), 'utf8')));
mkdirSync(here('images'), { recursive: true });
for (const [name, picture] of screenshots()) writeFileSync(here(name), picture);
