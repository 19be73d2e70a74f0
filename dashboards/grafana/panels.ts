import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { noLimit } from './limits.ts';
import { now, overTime, type Query } from './query.ts';
import { DATA_SOURCE } from './variables.ts';

/** Grafana's names of units, of those that virtune has. */
export type Unit =
  | 'percentunit'
  | 'percent'
  | 'short'
  | 'none'
  | 'bytes'
  | 'Bps'
  | 's'
  | 'iops'
  | 'pps'
  | 'cps'
  | 'ops'
  | 'dateTimeFromNow';

export interface PanelSpec {
  readonly title: string;
  /** What it shows and how to read it: every panel says so. */
  readonly help: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  readonly limits?: cog.Builder<dashboard.ThresholdsConfig>;
  readonly links?: readonly cog.Builder<dashboard.DashboardLink>[];
  readonly max?: number;
  /** What a figure says where there is no series. */
  readonly nothing?: string;
  /** Words for numbers. */
  readonly words?: dashboard.ValueMapping;
  /** Of 24. */
  readonly span?: number;
  readonly height?: number;
}

const GRAPH = { span: 12, height: 8 };
const FIGURE = { span: 3, height: 4 };

/** Lines over time. A limit is drawn as a dashed line. */
export function graph(spec: PanelSpec): timeseries.PanelBuilder {
  const { title, help, unit, queries, limits, links, max, span = GRAPH.span, height = GRAPH.height } = spec;
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(overTime(queries))
    .unit(unit)
    .min(0)
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(common.VisibilityMode.Never)
    .spanNulls(false)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.Table)
        // Beside a narrow graph there is no room for the name of a VM, its host and its cluster.
        .placement(span < GRAPH.span ? common.LegendPlacement.Bottom : common.LegendPlacement.Right)
        .calcs(['lastNotNull', 'max'])
        .sortBy('Max')
        .sortDesc(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        .sort(common.SortOrder.Descending),
    )
    .thresholds(limits ?? noLimit())
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        limits === undefined ? common.GraphThresholdsStyleMode.Off : common.GraphThresholdsStyleMode.Dashed,
      ),
    )
    .dataLinks([...(links ?? [])])
    .span(span)
    .height(height);
  return max === undefined ? panel : panel.max(max);
}

/** Areas on top of each other: parts of a whole. */
export function stack(spec: PanelSpec): timeseries.PanelBuilder {
  return graph(spec)
    .fillOpacity(60)
    .lineWidth(0)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
}

/** One number of this moment, coloured by its limits. */
export function figure(spec: PanelSpec): stat.PanelBuilder {
  const { title, help, unit, queries, limits, links, span = FIGURE.span, height = FIGURE.height } = spec;
  const panel = new stat.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(now(queries))
    .unit(unit)
    .noValue(spec.nothing ?? 'no data')
    .colorMode(limits === undefined ? common.BigValueColorMode.None : common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(limits ?? noLimit())
    .dataLinks([...(links ?? [])])
    .span(span)
    .height(height);
  return spec.words === undefined
    ? panel
    : panel.mappings([spec.words]).colorMode(common.BigValueColorMode.Value);
}

/** Where values lie over time: many series, none of them named. */
export function density(spec: PanelSpec & { readonly buckets: boolean }): heatmap.PanelBuilder {
  const { title, help, unit, queries, buckets, span = GRAPH.span, height = GRAPH.height } = spec;
  return new heatmap.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(
      overTime(queries).map((query) =>
        query.format(buckets ? PromQueryFormat.Heatmap : PromQueryFormat.TimeSeries),
      ),
    )
    .unit(unit)
    .calculate(!buckets)
    .span(span)
    .height(height);
}
