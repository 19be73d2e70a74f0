import { drawGraph } from './graph.ts';
import { drawHeatmap } from './heatmap.ts';
import type { Box, Panel } from './panel.ts';
import type { Figures } from './prometheus.ts';
import { drawStat } from './stat.ts';
import { COLOURS, element, escapeXml, text } from './svg.ts';
import { drawTable } from './table.ts';

export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const COLUMN = 52;
const UNIT = 30;
const GAP = 6;
const HEAD = 44;

const DRAW: Readonly<Record<string, (panel: Panel, box: Box, figures: Figures) => Promise<string>>> = {
  stat: drawStat,
  timeseries: drawGraph,
  table: drawTable,
  heatmap: drawHeatmap,
};

/** The whole page as SVG: each panel where Grafana would put it, with what it would show. */
export async function drawDashboard({ title, panels }: Dashboard, figures: Figures): Promise<string> {
  const width = 24 * COLUMN + GAP;
  const height = HEAD + Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * UNIT + GAP;
  const drawn = await Promise.all(panels.map((panel) => drawPanel(panel, figures)));
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

async function drawPanel(panel: Panel, figures: Figures): Promise<string> {
  const { gridPos, type, title } = panel;
  const x = GAP + gridPos.x * COLUMN;
  const y = HEAD + gridPos.y * UNIT;
  if (type === 'row') return text(x + 4, y + 20, `▾ ${title}`, { size: 13, weight: 600 });
  const width = gridPos.w * COLUMN - GAP;
  const height = gridPos.h * UNIT - GAP;
  const inside: Box = { x: x + 10, y: y + 26, width: width - 20, height: height - 32 };
  return [
    element('rect', { x, y, width, height, rx: 2, fill: COLOURS.panel, stroke: COLOURS.border }),
    text(x + 10, y + 17, title, { size: 11, weight: 600, fits: width / 6.4 }),
    (await DRAW[type]?.(panel, inside, figures)) ?? '',
  ].join('');
}
