import { writeGenerated } from './grafana/write.ts';

/** `npm run dashboards`: writes dashboards/built anew; a test holds it against what the sources say. */
writeGenerated(new URL('built/', import.meta.url));
