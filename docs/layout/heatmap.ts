import type { Box, Panel } from './panel.ts';
import type { Figures } from './prometheus.ts';
import { COLOURS, element, text } from './svg.ts';
import { formatValue } from './units.ts';

const ROWS = 12;
const COLUMNS = 40;

/** How many series have which value when, as Grafana computes it from plain series. */
export async function drawHeatmap(panel: Panel, box: Box, figures: Figures): Promise<string> {
  const unit = panel.fieldConfig?.defaults.unit ?? 'none';
  const found = await Promise.all((panel.targets ?? []).map(({ expr }) => figures.overTime(expr)));
  const points = found.flatMap((series) => series.flatMap((each) => each.points));
  const top = Math.max(...points.map(([, value]) => value), 0);
  if (top === 0) {
    return text(box.x + box.width / 2, box.y + box.height / 2, 'no data', {
      anchor: 'middle',
      colour: COLOURS.faint,
    });
  }
  const { fromSeconds, toSeconds } = figures.range;
  const counts = new Map<string, number>();
  for (const [at, value] of points) {
    const column = Math.min(
      COLUMNS - 1,
      Math.floor(((at - fromSeconds) / (toSeconds - fromSeconds)) * COLUMNS),
    );
    const row = Math.min(ROWS - 1, Math.floor((value / top) * ROWS));
    const key = `${column} ${row}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const most = Math.max(...counts.values());
  const plot = { x: box.x + 52, width: box.width - 60, y: box.y, height: box.height - 6 };
  const cells = [...counts].map(([key, count]) => {
    const [column = 0, row = 0] = key.split(' ').map(Number);
    return element('rect', {
      x: plot.x + (column * plot.width) / COLUMNS,
      y: plot.y + plot.height - ((row + 1) * plot.height) / ROWS,
      width: plot.width / COLUMNS - 0.5,
      height: plot.height / ROWS - 0.5,
      fill: '#ff9830',
      'fill-opacity': (0.15 + 0.85 * (count / most)).toFixed(2),
    });
  });
  const label = (value: number, y: number): string =>
    text(plot.x - 5, y, formatValue(value, unit), { size: 9, anchor: 'end', colour: COLOURS.faint });
  return [...cells, label(top, plot.y + 8), label(0, plot.y + plot.height)].join('');
}
