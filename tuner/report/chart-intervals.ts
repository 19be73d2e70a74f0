import { html, type Markup } from './html.ts';
import type { JournalReport, ReportFigure } from './read-report.ts';
import { linearScale, pixels } from './scale.ts';

const [WIDTH, ROW, TOP, BOTTOM] = [760, 30, 10, 30];
const [LEFT, RIGHT] = [340, 30];
/** Per cent; wider intervals are cut, and end in an arrow. */
const CUT = 200;

/** The effect on each figure with its 95 % interval, as a change in per cent; the band is the margin. */
export function intervalsChart({ primary, secondary, margin }: JournalReport): Markup {
  const rows = [primary, ...secondary].flatMap(rowOf);
  const height = TOP + BOTTOM + ROW * rows.length;
  const marginPercent = (margin - 1) * 100;
  const ends = rows.flatMap(({ low, effect, high }) =>
    [low, effect, high].filter((value) => value !== undefined),
  );
  const x = linearScale([0, marginPercent, -marginPercent, ...ends], LEFT, WIDTH - RIGHT);
  const bottom = height - BOTTOM;
  const grid = x.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${x.at(tick)}" x2="${x.at(tick)}" y1="${TOP}" y2="${bottom}"/><text class="tick" x="${x.at(tick)}" y="${bottom + 18}">${Number(tick.toFixed(1))} %</text>`,
  );
  const band = html`<rect class="margin" x="${x.at(-marginPercent)}" y="${TOP}" width="${pixels(x.at(marginPercent) - x.at(-marginPercent))}" height="${bottom - TOP}"><title>changes within ${marginPercent.toFixed(1)} % do not matter</title></rect>`;
  const drawn = rows.map((row, at) => drawRow(row, TOP + ROW * at + ROW / 2, x.at));
  return html`<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Effects with 95 % intervals">${band}${grid}<line class="zero" x1="${x.at(0)}" x2="${x.at(0)}" y1="${TOP}" y2="${bottom}"/>${drawn}</svg>`;
}

interface Row {
  readonly name: string;
  readonly verdict: string;
  readonly effect: number;
  /** Undefined without a limit on that side. */
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** Empty for a figure without an effect, or without a change in per cent. */
function rowOf({ name, effect, judgement: { verdict } }: ReportFigure): Row[] {
  if (effect === undefined || effect.scale === 'difference' || effect.effect === null) return [];
  const percent = (ratio: number): number => (ratio - 1) * 100;
  const [low, high] = [effect.low ?? 0, effect.high];
  return [
    {
      name,
      verdict,
      effect: Math.min(CUT, percent(effect.effect)),
      low: low > 0 && percent(low) <= CUT ? percent(low) : undefined,
      high: high !== null && percent(high) <= CUT ? percent(high) : undefined,
    },
  ];
}

function drawRow({ name, verdict, effect, low, high }: Row, y: number, x: (value: number) => number): Markup {
  const [from, to] = [low === undefined ? LEFT : x(low), high === undefined ? WIDTH - RIGHT : x(high)];
  const text = (value: number | undefined): string =>
    value === undefined ? 'no limit' : `${value.toFixed(1)} %`;
  const left = low === undefined ? html`<path class="arrow" d="M${LEFT},${y} l8,-5 v10 z"/>` : '';
  const right = high === undefined ? html`<path class="arrow" d="M${WIDTH - RIGHT},${y} l-8,-5 v10 z"/>` : '';
  return html`<g><title>${name}: ${effect.toFixed(1)} %, 95 % interval ${text(low)} to ${text(high)}: ${verdict}</title><text class="label" x="0" y="${y + 4}">${name}</text><line class="interval" x1="${from}" x2="${to}" y1="${y}" y2="${y}"/>${left}${right}<circle class="dot on" cx="${x(effect)}" cy="${y}" r="5"/></g>`;
}
