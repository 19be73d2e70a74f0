import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Dashboard } from './lint/dashboard.ts';

export const BUILT = join(import.meta.dirname, '../../dashboards/built');

/** The shipped dashboards, by page. */
export function builtDashboards(): ReadonlyMap<string, Dashboard> {
  const folder = join(BUILT, 'grafana/dashboards');
  return new Map(
    readdirSync(folder).map((name) => [
      name.replace('.json', ''),
      JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard,
    ]),
  );
}
