import { readdirSync, readFileSync } from 'node:fs';
import { VirtuneError } from '../model/virtune-error.ts';
import { CLUSTER_LABEL, withClusterLabel } from './cluster-label.ts';
import { type Files, PATHS } from './files.ts';
import type { Settings } from './rules/settings.ts';

/** Position in a dashboard where the threshold of an alert is drawn, as in `dashboards/built/limits.json`. */
export interface PlacedLimit {
  readonly file: string;
  readonly alert: string;
  readonly threshold: string;
  readonly path: readonly (string | number)[];
}

class BuiltError extends VirtuneError {
  override readonly name = 'BuiltError';
  constructor(message: string, options?: ErrorOptions) {
    super('DASHBOARDS_BUILT', message, options);
  }
}

/**
 * The dashboards as built with the package, with the site's thresholds and cluster label in place of the defaults.
 * @throws BuiltError when the folder is missing or its content is invalid
 */
export function readBuiltDashboards(
  built: URL,
  settings: Settings = {},
  clusterLabel: string = CLUSTER_LABEL,
): Files {
  const folder = new URL(`${PATHS.dashboards}/`, built);
  try {
    const limits = JSON.parse(readFileSync(new URL('limits.json', built), 'utf8')) as PlacedLimit[];
    return new Map(
      readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .map((name) => {
          const dashboard: unknown = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
          for (const limit of limits) if (limit.file === name) place(dashboard, limit, settings);
          return [`${PATHS.dashboards}/${name}`, jsonFile(withClusterLabel(dashboard, clusterLabel))];
        }),
    );
  } catch (error) {
    throw new BuiltError(
      `the dashboards in ${built.pathname} cannot be read: ${(error as Error).message}; reinstall the package, or run npm run dashboards in its source tree`,
      { cause: error },
    );
  }
}

export function jsonFile(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

function place(dashboard: unknown, { alert, threshold, path }: PlacedLimit, settings: Settings): void {
  const value = settings[alert]?.[threshold];
  if (value === undefined) return;
  let at = dashboard as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path.at(-1) as string | number] = value;
}
