import { formatSeconds } from '../../model/duration.ts';
import { html, type Markup } from './html.ts';
import type { JournalReport } from './read-report.ts';
import { linearScale, pixels, shortNumber } from './scale.ts';

const [WIDTH, HEIGHT] = [760, 260];
const [LEFT, RIGHT, TOP, BOTTOM] = [80, 10, 10, 40];
/** Width of the word `baseline`, which the next label must not overlap. */
const LABEL = 64;

/** The deciding figure, block by block over time: a bar from the end of the settle time to the end of the block. */
export function blocksChart({ kind, blocks, primary, baselineMs }: JournalReport): Markup {
  const values = primary.blocks.filter((value) => value !== null);
  const y = linearScale(values, HEIGHT - BOTTOM, TOP);
  const endMs = blocks.at(-1)?.endMs ?? baselineMs;
  const x = (ms: number): number => pixels(LEFT + (ms / endMs) * (WIDTH - LEFT - RIGHT));
  const bars = blocks.map(({ arm, startMs, measureMs, endMs: untilMs, pair }, at) => {
    const value = primary.blocks[at];
    const which = kind === 'restarts' ? `boot ${at + 1}` : `block ${at + 1}, pair ${pair + 1}`;
    const what = `${which}, settings ${arm}`;
    const band = html`<rect class="band ${arm}" x="${x(startMs)}" y="${TOP}" width="${pixels(x(untilMs) - x(startMs))}" height="${HEIGHT - TOP - BOTTOM}"><title>${what}</title></rect>`;
    if (value === null || value === undefined) return band;
    return html`${band}<line class="bar ${arm}" x1="${x(measureMs)}" x2="${x(untilMs)}" y1="${y.at(value)}" y2="${y.at(value)}"><title>${what}: ${shortNumber(value)}</title></line>`;
  });
  const grid = y.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.at(tick)}" y2="${y.at(tick)}"/><text class="tick end" x="${LEFT - 6}" y="${y.at(tick) + 4}">${shortNumber(tick)}</text>`,
  );
  const afterBaseline = Math.max(x(baselineMs), LEFT + LABEL);
  const times = [0, baselineMs, ...(blocks.length === 0 ? [] : [endMs])].map(
    (ms, at, all) =>
      html`<text class="tick ${at === all.length - 1 ? 'end' : 'start'}" x="${at === 1 && all.length === 3 ? afterBaseline : x(ms)}" y="${HEIGHT - BOTTOM + 16}">${formatSeconds(Math.round(ms / 1_000))}</text>`,
  );
  const baseline = html`<text class="tick start" x="${LEFT}" y="${HEIGHT - 8}">baseline</text><text class="tick start" x="${afterBaseline}" y="${HEIGHT - 8}">${kind === 'restarts' ? 'boots' : 'blocks'}</text>`;
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Mean of ${primary.name} in each block">${grid}${bars}${times}${blocks.length === 0 ? '' : baseline}</svg>`;
}
