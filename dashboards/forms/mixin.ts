import { relative } from 'node:path/posix';
import { type Files, PATHS } from '../files.ts';
import { dashboardsOf, rulesOf } from './contents.ts';

/** As monitoring mixins have it (https://monitoring.mixins.dev): three hidden fields that a site's Jsonnet extends. */
const FOLDER = 'mixin';

export function mixinFiles(files: Files): Files {
  const { recording, alerts } = rulesOf(files);
  const folder = relative(FOLDER, PATHS.dashboards);
  const dashboards = [...dashboardsOf(files).keys()].map(
    (name) =>
      `    ${JSON.stringify(`virtune-${name}.json`)}: import ${JSON.stringify(`${folder}/${name}.json`)},\n`,
  );
  // JSON is Jsonnet.
  const json = (content: unknown): string => JSON.stringify(content, null, 2).replaceAll('\n', '\n  ');
  const text = `// virtune: a monitoring mixin, made by virtune dashboards build.
{
  prometheusRules+:: ${json(recording)},
  prometheusAlerts+:: ${json(alerts)},
  grafanaDashboards+:: {
${dashboards.join('')}  },
}
`;
  return new Map([[`${FOLDER}/mixin.libsonnet`, text]]);
}
