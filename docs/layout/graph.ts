import type { Box, Panel } from './panel.ts';
import { type Figures, legendOf, type Mark, type RangeSeries } from './prometheus.ts';
import { COLOURS, element, lineColour, named, text } from './svg.ts';
import { formatValue } from './units.ts';

const MOST = 12;
const AXIS_WIDTH = 52;
const AXIS_HEIGHT = 14;
const GRID_LINES = 3;
const LEGEND_LINE = 14;
/** Of a letter of a legend, and of the figure behind the name. */
const LETTER_WIDTH = 4.9;
const FIGURE_WIDTH = 62;

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [number, number])[];
  readonly last: number;
}

/** Lines over time, or areas on each other, with thresholds and a legend, as the panel says. */
export async function drawGraph(panel: Panel, box: Box, figures: Figures): Promise<string> {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const unit = defaults.unit ?? 'none';
  const stacked = defaults.custom?.stacking?.mode === 'normal';
  const lines = (
    await Promise.all(
      (panel.targets ?? []).map(async ({ expr, legendFormat }) =>
        (await figures.overTime(expr)).map((series) => toLine(series, legendFormat)),
      ),
    )
  )
    .flat()
    .sort((a, b) => b.last - a.last)
    .slice(0, MOST)
    .map((line, index) => ({ ...line, colour: lineColour(index) }));
  if (lines.length === 0) {
    return text(box.x + box.width / 2, box.y + box.height / 2, 'no data', {
      anchor: 'middle',
      colour: COLOURS.faint,
    });
  }
  const { plot, legendBox } = parts(panel, box, lines);
  const drawn = stacked ? stack(lines) : lines;
  const limits =
    defaults.custom?.thresholdsStyle?.mode === 'dashed'
      ? (defaults.thresholds?.steps ?? []).flatMap(({ value, color }) =>
          value === null ? [] : [{ value, color }],
        )
      : [];
  const top = topOf(drawn, limits, defaults.max);
  const place = placeIn(plot, figures, top);
  return [
    ...axis(plot, top, unit),
    ...timeAxis(plot),
    ...figures.marks.map((mark) => markLine(plot, figures, mark)),
    ...limits.map(({ value, color }) => limitLine(plot, value / top, color)),
    ...drawn.flatMap((line) =>
      pieces(line, figures.range.stepSeconds).map((piece) =>
        path(piece, place, stacked ? plot.y + plot.height : undefined),
      ),
    ),
    ...legend(lines, legendBox, unit),
  ].join('');
}

/** As wide as so many letters of small print: capitals are wider. */
function lettersOf(name: string): number {
  const capitals = name.replaceAll(/[^A-Z_]/g, '').length;
  return name.length + 0.4 * capitals;
}

/** Where the curves go and where the legend: beside them, as wide as its longest name if there is room, or below. */
function parts(
  { options }: Panel,
  box: Box,
  lines: readonly Line[],
): { readonly plot: Box; readonly legendBox: Box } {
  const longest = Math.max(...lines.map(({ name }) => lettersOf(name)));
  const wanted = longest * LETTER_WIDTH + FIGURE_WIDTH + 16;
  const left = box.x + AXIS_WIDTH;
  if (options?.legend?.placement === 'bottom') {
    const rows = Math.min(lines.length, 5);
    const height = box.height - AXIS_HEIGHT - rows * LEGEND_LINE - 8;
    return {
      plot: { x: left, y: box.y + 4, width: box.width - AXIS_WIDTH - 8, height },
      legendBox: {
        x: box.x,
        y: box.y + height + AXIS_HEIGHT + 6,
        width: Math.min(box.width, wanted),
        height: rows * LEGEND_LINE,
      },
    };
  }
  const legendWidth = Math.min(wanted, box.width * 0.6);
  const plot: Box = {
    x: left,
    y: box.y + 4,
    width: box.width - AXIS_WIDTH - legendWidth - 10,
    height: box.height - AXIS_HEIGHT - 6,
  };
  return { plot, legendBox: { ...plot, x: plot.x + plot.width + 10, width: legendWidth } };
}

function toLine({ metric, points }: RangeSeries, legend: string | undefined): Omit<Line, 'colour'> {
  const real = points.filter(([, value]) => Number.isFinite(value));
  return { name: legendOf(legend, metric), points: real, last: real.at(-1)?.[1] ?? Number.NaN };
}

/** Each on those before it; drawn from the top one down, so that each covers what is below it. */
function stack(lines: readonly Line[]): Line[] {
  const sums = new Map<number, number>();
  return lines
    .map((line) => ({
      ...line,
      points: line.points.map(([at, value]) => {
        const sum = (sums.get(at) ?? 0) + value;
        sums.set(at, sum);
        return [at, sum] as const;
      }),
    }))
    .reverse();
}

function topOf(
  lines: readonly Line[],
  limits: readonly { value: number }[],
  max: number | undefined,
): number {
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value)), 0);
  // A threshold far above what there is would press all lines to the floor.
  const near = limits.map(({ value }) => value).filter((value) => value < highest * 4);
  return max ?? (Math.max(highest, ...near) * 1.08 || 1);
}

function placeIn(
  plot: Box,
  { range }: Figures,
  top: number,
): (at: number, value: number) => [number, number] {
  const { fromSeconds, toSeconds } = range;
  return (at, value) => [
    plot.x + ((at - fromSeconds) / (toSeconds - fromSeconds)) * plot.width,
    plot.y + plot.height * (1 - Math.max(0, Math.min(1, value / top))),
  ];
}

/** A line ends where a value is missing, and starts again after it. */
function pieces({ points, ...line }: Line, stepSeconds: number): Line[] {
  const found: (readonly [number, number])[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point[0] - last > stepSeconds * 1.5) found.push([]);
    found.at(-1)?.push(point);
    last = point[0];
  }
  return found.map((piece) => ({ ...line, points: piece }));
}

function path(
  { points, colour }: Line,
  place: (at: number, value: number) => [number, number],
  floor: number | undefined,
): string {
  const placed = points.map(([at, value]) => place(at, value));
  const first = placed[0];
  const last = placed.at(-1);
  if (first === undefined || last === undefined) return '';
  const steps = placed.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  return floor === undefined
    ? element('path', { d: steps, fill: 'none', stroke: colour, 'stroke-width': 1.2 })
    : element('path', {
        d: `${steps}L${last[0].toFixed(1)} ${floor}L${first[0].toFixed(1)} ${floor}Z`,
        fill: colour,
        'fill-opacity': '0.75',
      });
}

function axis(plot: Box, top: number, unit: string): string[] {
  return Array.from({ length: GRID_LINES + 1 }, (_, line) => {
    const y = plot.y + (plot.height * line) / GRID_LINES;
    return [
      element('path', { d: `M${plot.x} ${y.toFixed(1)}h${plot.width.toFixed(1)}`, stroke: COLOURS.border }),
      text(plot.x - 5, y + 3, formatValue(top * (1 - line / GRID_LINES), unit), {
        size: 9,
        anchor: 'end',
        colour: COLOURS.faint,
      }),
    ].join('');
  });
}

/** The hour that the picture shows. */
function timeAxis(plot: Box): string[] {
  return [
    ['1 h ago', 0, 'start'],
    ['30 min ago', 0.5, 'middle'],
    ['now', 1, 'end'],
  ].map(([label, at, anchor]) =>
    text(plot.x + Number(at) * plot.width, plot.y + plot.height + 12, String(label), {
      size: 9,
      anchor: anchor as 'start' | 'middle' | 'end',
      colour: COLOURS.faint,
    }),
  );
}

function markLine(plot: Box, { range }: Figures, { atSeconds, colour }: Mark): string {
  const share = (atSeconds - range.fromSeconds) / (range.toSeconds - range.fromSeconds);
  return element('path', {
    d: `M${(plot.x + share * plot.width).toFixed(1)} ${plot.y}v${plot.height.toFixed(1)}`,
    stroke: named(colour),
    'stroke-dasharray': '2 3',
  });
}

function limitLine(plot: Box, share: number, colour: string): string {
  if (share > 1) return '';
  const y = plot.y + plot.height * (1 - share);
  return element('path', {
    d: `M${plot.x} ${y.toFixed(1)}h${plot.width.toFixed(1)}`,
    stroke: named(colour),
    'stroke-dasharray': '5 4',
  });
}

function legend(lines: readonly Line[], box: Box, unit: string): string[] {
  const rows = Math.max(1, Math.floor(box.height / LEGEND_LINE));
  return lines.slice(0, rows).map(({ name, colour, last }, index) => {
    const y = box.y + 10 + index * LEGEND_LINE;
    return [
      element('path', { d: `M${box.x.toFixed(1)} ${y - 3}h9`, stroke: colour, 'stroke-width': 2 }),
      text(box.x + 13, y, name, { size: 9, fits: (box.width - FIGURE_WIDTH) / LETTER_WIDTH }),
      text(box.x + box.width - 2, y, formatValue(last, unit), {
        size: 9,
        anchor: 'end',
        colour: COLOURS.faint,
      }),
    ].join('');
  });
}
