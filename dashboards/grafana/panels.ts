import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { noLimit } from './limits.ts';
import { instantQueries, type Query, rangeQueries } from './query.ts';
import { DATA_SOURCE } from './variables.ts';

/** Grafana's names of the units in use. */
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
  /** What the panel shows and how to read it; required. */
  readonly help: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  readonly limits?: cog.Builder<dashboard.ThresholdsConfig>;
  readonly links?: readonly cog.Builder<dashboard.DashboardLink>[];
  readonly max?: number;
  /** Text shown when there is no series. */
  readonly nothing?: string;
  /** Maps numbers to words. */
  readonly words?: dashboard.ValueMapping;
  /** Width in 24ths of the page. */
  readonly span?: number;
  readonly height?: number;
}

const GRAPH = { span: 12, height: 8 };
const FIGURE = { span: 3, height: 4 };

/** Lines over time. Limits are dashed lines. */
export function graph(spec: PanelSpec): timeseries.PanelBuilder {
  const { title, help, unit, queries, limits, links, max, span = GRAPH.span, height = GRAPH.height } = spec;
  const panel = new timeseries.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(rangeQueries(queries))
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
        // A narrow graph has no room beside it for the name of a VM, its host and its cluster.
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

/** Stacked areas: parts of a whole. */
export function stack(spec: PanelSpec): timeseries.PanelBuilder {
  return graph(spec)
    .fillOpacity(60)
    .lineWidth(0)
    .stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'));
}

/** The current value, coloured by its limits. */
export function figure(spec: PanelSpec): stat.PanelBuilder {
  const { title, help, unit, queries, limits, links, span = FIGURE.span, height = FIGURE.height } = spec;
  const panel = new stat.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(instantQueries(queries))
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

/** A heatmap: distribution of many unnamed series over time. */
export function density(spec: PanelSpec & { readonly buckets: boolean }): heatmap.PanelBuilder {
  const { title, help, unit, queries, buckets, span = GRAPH.span, height = GRAPH.height } = spec;
  return new heatmap.PanelBuilder()
    .title(title)
    .description(help)
    .datasource(DATA_SOURCE)
    .targets(
      rangeQueries(queries).map((query) =>
        query.format(buckets ? PromQueryFormat.Heatmap : PromQueryFormat.TimeSeries),
      ),
    )
    .unit(unit)
    .calculate(!buckets)
    .span(span)
    .height(height);
}
