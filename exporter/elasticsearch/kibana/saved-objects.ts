import { DASHBOARDS, type Dashboard, type Panel } from './panels.ts';

interface SavedObject {
  readonly id: string;
  readonly type: 'index-pattern' | 'visualization' | 'dashboard';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly { readonly name: string; readonly type: string; readonly id: string }[];
  /** As exported by Kibana 7.10 and OpenSearch Dashboards; newer versions migrate on import. */
  readonly migrationVersion: Readonly<Record<string, string>>;
}

const NO_SEARCH = { searchSourceJSON: '{"query":{"query":"","language":"kuery"},"filter":[]}' };
const COLORS = ['#54B399', '#6092C0', '#D36086', '#9170B8', '#CA8EAE', '#D6BF57'];
/** Of Kibana's 48 columns. */
const PANEL_WIDTH = 24;
const PANEL_HEIGHT = 13;
/** TSVB formats, and the suffix of a value. The format `s,ms,1` takes seconds and shows milliseconds. */
const FORMATS: Readonly<Record<Panel['unit'], readonly [formatter: string, template: string]>> = {
  number: ['number', '{{value}}'],
  bytes: ['bytes', '{{value}}'],
  'bytes per second': ['bytes', '{{value}}/s'],
  percent: ['percent', '{{value}}'],
  seconds: ['s,ms,1', '{{value}} ms'],
};
const MOST_LINES = 10;

/** A data view and three dashboards, one saved object per line, for `_import?overwrite=true`. */
export function savedObjects(namespace?: string): string {
  const pattern = (stream: string): string => `metrics-kvm.${stream}-${namespace ?? '*'}`;
  const dataView: SavedObject = {
    id: 'virtune-metrics-kvm',
    type: 'index-pattern',
    attributes: { title: pattern('*'), timeFieldName: '@timestamp' },
    references: [],
    migrationVersion: { 'index-pattern': '7.6.0' },
  };
  const objects = [
    dataView,
    ...DASHBOARDS.flatMap((dashboard) => [
      ...dashboard.panels.map((panel) => visualization(panel, pattern(panel.stream))),
      dashboardObject(dashboard),
    ]),
  ];
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}

/** A TSVB panel: the only kind that Kibana 8, Kibana 9 and OpenSearch Dashboards have in common. */
function visualization(panel: Panel, indexPattern: string): SavedObject {
  const params = {
    id: panel.id,
    type: 'timeseries',
    series: panel.lines.map((line, index) => ({
      id: `${panel.id}-${index}`,
      // TSVB inserts the split value here; otherwise the lines of two fields would have the same name.
      label: line.label === undefined ? '{{key}}' : `{{key}}: ${line.label}`,
      color: COLORS[index % COLORS.length],
      split_color_mode: 'rainbow',
      metrics: [{ id: `${panel.id}-${index}-avg`, type: 'avg', field: line.field }],
      formatter: FORMATS[panel.unit][0],
      value_template: FORMATS[panel.unit][1],
      split_mode: 'terms',
      terms_field: panel.by,
      terms_size: String(MOST_LINES),
      terms_order_by: `${panel.id}-${index}-avg`,
      chart_type: 'line',
      line_width: 1,
      point_size: 0,
      fill: 0,
      stacked: 'none',
      axis_position: 'right',
      separate_axis: 0,
    })),
    time_field: '@timestamp',
    index_pattern: indexPattern,
    use_kibana_indexes: false,
    interval: '',
    axis_position: 'left',
    axis_min: '0',
    axis_scale: 'normal',
    show_legend: 1,
    show_grid: 1,
    tooltip_mode: 'show_all',
    drop_last_bucket: 1,
  };
  return {
    id: `virtune-${panel.id}`,
    type: 'visualization',
    attributes: {
      title: `virtune: ${panel.title}`,
      description: '',
      visState: JSON.stringify({ title: `virtune: ${panel.title}`, type: 'metrics', aggs: [], params }),
      uiStateJSON: '{}',
      version: 1,
      kibanaSavedObjectMeta: NO_SEARCH,
    },
    references: [],
    migrationVersion: { visualization: '7.10.0' },
  };
}

function dashboardObject({ id, title, description, panels }: Dashboard): SavedObject {
  const layout = panels.map((_panel, index) => ({
    version: '7.10.0',
    panelIndex: String(index),
    gridData: {
      i: String(index),
      x: (index % 2) * PANEL_WIDTH,
      y: Math.floor(index / 2) * PANEL_HEIGHT,
      w: PANEL_WIDTH,
      h: PANEL_HEIGHT,
    },
    embeddableConfig: {},
    panelRefName: `panel_${index}`,
  }));
  return {
    id,
    type: 'dashboard',
    attributes: {
      title,
      description,
      hits: 0,
      panelsJSON: JSON.stringify(layout),
      optionsJSON: '{"useMargins":true,"hidePanelTitles":false}',
      timeRestore: false,
      version: 1,
      kibanaSavedObjectMeta: NO_SEARCH,
    },
    references: panels.map((panel, index) => ({
      name: `panel_${index}`,
      type: 'visualization',
      id: `virtune-${panel.id}`,
    })),
    migrationVersion: { dashboard: '7.9.3' },
  };
}
