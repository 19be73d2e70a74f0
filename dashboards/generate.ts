import { readFileSync, writeFileSync } from 'node:fs';
import { writeGenerated } from './grafana/write.ts';
import { withThresholdTable } from './threshold-table.ts';

/** `npm run dashboards`: writes dashboards/built and the table in the docs; tests compare both with the sources. */
writeGenerated(new URL('built/', import.meta.url));
const guide = new URL('../docs/alerting-on-overcommit.md', import.meta.url);
writeFileSync(guide, withThresholdTable(readFileSync(guide, 'utf8')));
