import { writeFileSync } from 'node:fs';
import { metricReference } from './metric-reference.ts';

/** `npm run docs`: writes what is made from the catalogue; a test holds the files against it. */
writeFileSync(new URL('metrics.md', import.meta.url), metricReference());
