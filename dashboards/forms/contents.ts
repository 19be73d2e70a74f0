import { parse } from 'yaml';
import { type Files, PATHS } from '../files.ts';
import type { RuleFile } from '../rules/build.ts';

/** The dashboards among the files, by name: `fleet`, `host`, ... */
export function dashboardsOf(files: Files): ReadonlyMap<string, string> {
  const start = `${PATHS.dashboards}/`;
  return new Map(
    [...files]
      .filter(([path]) => path.startsWith(start))
      .map(([path, text]) => [path.slice(start.length, -'.json'.length), text]),
  );
}

/** The rules among the files. */
export function rulesOf(files: Files): { readonly recording: RuleFile; readonly alerts: RuleFile } {
  const read = (path: string): RuleFile => parse(files.get(path) ?? 'groups: []') as RuleFile;
  return { recording: read(PATHS.recordingRules), alerts: read(PATHS.alertRules) };
}
