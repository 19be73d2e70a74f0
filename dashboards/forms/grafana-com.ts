import { jsonFile } from '../built.ts';
import type { Files } from '../files.ts';
import { dashboardsOf } from './contents.ts';

/** The format of Grafana's "Export for sharing externally", for _Import_ and grafana.com/grafana/dashboards. */
const FOLDER = 'grafana/import';
const INPUT = 'DS_PROMETHEUS';

/** The oldest Grafana that the pages were designed for; see docs/dashboards.md. */
const GRAFANA_VERSION = '10.0.0';

const PANEL_NAMES: Readonly<Record<string, string>> = {
  heatmap: 'Heatmap',
  stat: 'Stat',
  table: 'Table',
  timeseries: 'Time series',
};

interface Dashboard {
  readonly panels: readonly { readonly type: string }[];
  readonly templating: { readonly list: readonly { readonly type: string }[] };
}

export function grafanaComFiles(files: Files): Files {
  return new Map(
    [...dashboardsOf(files)].map(([name, text]) => [
      `${FOLDER}/${name}.json`,
      jsonFile(importForm(JSON.parse(text) as Dashboard)),
    ]),
  );
}

/** Import prompts for a data source, which becomes the initial value of the page's variable. */
function importForm(dashboard: Dashboard): unknown {
  const types = new Set(dashboard.panels.map(({ type }) => type).filter((type) => type !== 'row'));
  return {
    __inputs: [
      {
        name: INPUT,
        label: 'Prometheus',
        description: 'Prometheus with the recording rules of virtune',
        type: 'datasource',
        pluginId: 'prometheus',
        pluginName: 'Prometheus',
      },
    ],
    __elements: {},
    __requires: [
      { type: 'grafana', id: 'grafana', name: 'Grafana', version: GRAFANA_VERSION },
      { type: 'datasource', id: 'prometheus', name: 'Prometheus', version: '1.0.0' },
      ...[...types].sort().map((id) => ({ type: 'panel', id, name: PANEL_NAMES[id] ?? id, version: '' })),
    ],
    ...dashboard,
    id: null,
    templating: {
      list: dashboard.templating.list.map((variable) =>
        variable.type === 'datasource'
          ? { ...variable, current: { selected: true, text: `\${${INPUT}}`, value: `\${${INPUT}}` } }
          : variable,
      ),
    },
  };
}
