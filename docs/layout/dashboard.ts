import { drawGraph } from './graph.ts';
import { drawHeatmap } from './heatmap.ts';
import type { Annotation, Box, Panel } from './panel.ts';
import type { Figures, Mark } from './prometheus.ts';
import { drawStat } from './stat.ts';
import { COLOURS, element, escapeXml, text } from './svg.ts';
import { drawTable } from './table.ts';

export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly Annotation[] };
}

const UNIT = 30;
const GAP = 6;
const HEAD = 44;

const DRAW: Readonly<Record<string, (panel: Panel, box: Box, figures: Figures) => Promise<string>>> = {
  stat: drawStat,
  timeseries: drawGraph,
  table: drawTable,
  heatmap: drawHeatmap,
};

/** The whole page as SVG, so many px wide: each panel where Grafana would put it, with what it would show. */
export async function drawDashboard(
  { title, panels, annotations }: Dashboard,
  figures: Figures,
  width: number,
): Promise<string> {
  const column = (width - GAP) / 24;
  figures.marks = await marksOf(annotations.list, figures);
  const height = HEAD + Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * UNIT + GAP;
  const drawn = await Promise.all(panels.map((panel) => drawPanel(panel, figures, column)));
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      'font-family': 'Inter, Helvetica, Arial, sans-serif',
    },
    [
      element('title', {}, escapeXml(title)),
      element('rect', { width, height, fill: COLOURS.page }),
      text(12, 28, title, { size: 18, weight: 600 }),
      ...drawn,
    ].join('\n'),
  )}\n`;
}

/** Where lines go through all graphs. */
async function marksOf(annotations: readonly Annotation[], figures: Figures): Promise<Mark[]> {
  const { fromSeconds, toSeconds, stepSeconds } = figures.range;
  const found = await Promise.all(
    annotations.map(async ({ expr, iconColor, useValueForTime }) => {
      const times =
        useValueForTime === true
          ? (await figures.now(expr)).map(({ value }) => value / 1_000)
          : (await figures.overTime(expr)).flatMap(({ points }) => points[0]?.[0] ?? []);
      return times.map((atSeconds) => ({ atSeconds, colour: iconColor }));
    }),
  );
  // What is there from the beginning began before.
  return found
    .flat()
    .filter(({ atSeconds }) => atSeconds > fromSeconds + stepSeconds && atSeconds <= toSeconds);
}

async function drawPanel(panel: Panel, figures: Figures, column: number): Promise<string> {
  const { gridPos, type, title } = panel;
  const x = GAP + gridPos.x * column;
  const y = HEAD + gridPos.y * UNIT;
  if (type === 'row') return text(x + 4, y + 20, `▾ ${title}`, { size: 13, weight: 600 });
  const width = gridPos.w * column - GAP;
  const height = gridPos.h * UNIT - GAP;
  const inside: Box = { x: x + 10, y: y + 26, width: width - 20, height: height - 32 };
  return [
    element('rect', { x, y, width, height, rx: 2, fill: COLOURS.panel, stroke: COLOURS.border }),
    text(x + 10, y + 17, title, { size: 11, weight: 600, fits: width / 6.4 }),
    (await DRAW[type]?.(panel, inside, figures)) ?? '',
  ].join('');
}
