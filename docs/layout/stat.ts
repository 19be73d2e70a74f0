import { type Box, type Panel, stepColour } from './panel.ts';
import { type Figures, legendOf } from './prometheus.ts';
import { COLOURS, named, text } from './svg.ts';
import { formatValue } from './units.ts';

const MOST = 3;

/** One large figure, or a few beside each other. */
export async function drawStat(panel: Panel, box: Box, figures: Figures): Promise<string> {
  const { unit = 'none', noValue = 'no data', thresholds, mappings } = panel.fieldConfig?.defaults ?? {};
  const found = (
    await Promise.all(
      (panel.targets ?? []).map(async ({ expr, legendFormat }) =>
        (
          await figures.now(expr)
        ).map((series) => ({ ...series, name: legendOf(legendFormat, series.metric) })),
      ),
    )
  ).flat();
  const middle = box.y + box.height / 2 + 8;
  if (found.length === 0) {
    return text(box.x + box.width / 2, middle, noValue, {
      size: 16,
      anchor: 'middle',
      colour: COLOURS.faint,
    });
  }
  const shown = found.slice(0, MOST);
  const width = box.width / shown.length;
  const size = shown.length > 1 ? 15 : 26;
  return shown
    .map(({ value, name }, index) => {
      const x = box.x + width * (index + 0.5);
      const word = mappings?.[0]?.options[String(value)];
      const colour = named(word?.color ?? stepColour(thresholds?.steps, value));
      return [
        text(x, middle, word?.text ?? formatValue(value, unit), {
          size,
          anchor: 'middle',
          colour,
          weight: 600,
        }),
        shown.length > 1
          ? text(x, middle + 16, name, { size: 9, anchor: 'middle', colour: COLOURS.faint, fits: width / 5 })
          : '',
      ].join('');
    })
    .join('');
}
