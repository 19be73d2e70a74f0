import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as table from '@grafana/grafana-foundation-sdk/table';
import { HOST_IDENTITY } from '../promql.ts';
import type { Unit } from './panels.ts';
import { now, refId } from './query.ts';
import { DATA_SOURCE } from './variables.ts';

export interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: Unit;
  readonly limits?: dashboard.ThresholdsConfig;
  /** Words for numbers. */
  readonly words?: dashboard.ValueMapping;
}

export interface TableSpec {
  readonly title: string;
  readonly help: string;
  /** Labels that identify a row within its host, and others worth a column; in this order. */
  readonly labels: readonly string[];
  /** Labels by which a row belongs to a host, or to a cluster; of a host when absent. */
  readonly identity?: readonly string[];
  readonly columns: readonly Column[];
  /** Of the first label of rows, and so on. */
  readonly links?: Readonly<Record<string, cog.Builder<dashboard.DashboardLink>>>;
  readonly span?: number;
  readonly height?: number;
}

/** In a row for links, but not worth a column. */
const HIDDEN = 'job';

/**
 * A row for each VM, disk or host, with a column for each query. Queries are reduced to the labels that make a
 * row, so that Grafana can merge them. Host and cluster stand behind the labels named; a cluster is a column only
 * where the label is used.
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
    .targets(now(queries, PromQueryFormat.Table))
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
