import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { HOST_IDENTITY } from '../promql.ts';
import type { Unit } from './panels.ts';
import { instantQueries, refId } from './query.ts';
import { DATA_SOURCE } from './variables.ts';

export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: Unit;
  readonly limits?: dashboard.ThresholdsConfig;
  /** Maps numbers to words. */
  readonly words?: dashboard.ValueMapping;
}

export interface TableSpec {
  readonly title: string;
  readonly help: string;
  /** Labels that identify a row within its host, and others to show; in column order. */
  readonly labels: readonly string[];
  /** Labels that identify the host, or the cluster, of a row; those of a host when absent. */
  readonly identity?: readonly string[];
  readonly columns: readonly Column[];
  /** By label of the rows. */
  readonly links?: Readonly<Record<string, cog.Builder<dashboard.DashboardLink>>>;
  readonly span?: number;
  readonly height?: number;
}

/** Needed in rows for links, but not shown. */
const HIDDEN = 'job';

/**
 * A row per VM, disk or host, with a column per query. Queries are aggregated to the labels of a row, so that Grafana
 * can merge them. Host and cluster follow the listed labels; a cluster column only appears if the label is used.
 */
export function rows(spec: TableSpec): table.PanelBuilder {
  const { title, help, columns, identity = HOST_IDENTITY, links = {}, span = 24, height = 9 } = spec;
  const labels = [...spec.labels, ...identity.toReversed().filter((label) => !spec.labels.includes(label))];
  const by = labels.join(', ');
  const queries = columns.map(({ expr }) => ({ expr: `max by (${by}) (${expr})` }));
  const value = (index: number): string => (columns.length === 1 ? 'Value' : `Value #${refId(index)}`);
  const panel = new table.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(instantQueries(queries, PromQueryFormat.Table))
    .transformations([
      ...(columns.length > 1 ? [{ id: 'merge', options: {} }] : []),
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(
            [...labels, ...columns.map((_, index) => value(index))].map((name, index) => [name, index]),
          ),
          renameByName: Object.fromEntries(columns.map(({ title }, index) => [value(index), title])),
        },
      },
    ])
    .unit('short')
    .filterable(true)
    .span(span)
    .height(height);
  if (labels.includes(HIDDEN)) panel.overrideByName(HIDDEN, [{ id: 'custom.hidden', value: true }]);
  for (const { title, unit, limits, words } of columns) {
    panel.overrideByName(title, [
      { id: 'unit', value: unit },
      ...(words === undefined
        ? []
        : [
            { id: 'mappings', value: [words] },
            { id: 'custom.cellOptions', value: { type: 'color-text' } },
          ]),
      ...(limits === undefined
        ? []
        : [
            { id: 'thresholds', value: limits },
            { id: 'custom.cellOptions', value: { type: 'color-text' } },
          ]),
    ]);
  }
  for (const [label, link] of Object.entries(links)) {
    panel.overrideByName(label, [{ id: 'links', value: [link.build()] }]);
  }
  return panel;
}
