import { html, type Markup } from './html.ts';
import type { JournalReport } from './read-report.ts';
import { linearScale, shortNumber } from './scale.ts';

const [WIDTH, HEIGHT] = [420, 260];
const [LEFT, TOP, BOTTOM] = [80, 10, 30];
const [OFF_X, ON_X] = [160, 340];

/** Each complete pair as a line from its block without the settings to its block with them. */
export function armsChart({ blocks, primary }: JournalReport): Markup {
  const pairs = pairsOf(blocks, primary.blocks);
  const y = linearScale(
    pairs.flatMap(({ off, on }) => [off, on]),
    HEIGHT - BOTTOM,
    TOP,
  );
  const grid = y.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${y.at(tick)}" y2="${y.at(tick)}"/><text class="tick end" x="${LEFT - 6}" y="${y.at(tick) + 4}">${shortNumber(tick)}</text>`,
  );
  const lines = pairs.map(
    ({ pair, off, on }) =>
      html`<g><title>pair ${pair + 1}: ${shortNumber(off)} off, ${shortNumber(on)} on</title><line class="pair" x1="${OFF_X}" x2="${ON_X}" y1="${y.at(off)}" y2="${y.at(on)}"/><circle class="dot off" cx="${OFF_X}" cy="${y.at(off)}" r="4"/><circle class="dot on" cx="${ON_X}" cy="${y.at(on)}" r="4"/></g>`,
  );
  return html`<svg class="narrow" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${primary.name} without and with the settings, by pair">${grid}${lines}<text class="tick" x="${OFF_X}" y="${HEIGHT - 8}">off</text><text class="tick" x="${ON_X}" y="${HEIGHT - 8}">on</text></svg>`;
}

/** Pairs of which both blocks have a value. */
export function pairsOf(
  blocks: JournalReport['blocks'],
  values: readonly (number | null)[],
): { readonly pair: number; readonly off: number; readonly on: number }[] {
  const valueIn = (pair: number, arm: string): number | null | undefined =>
    values[blocks.findIndex((block) => block.pair === pair && block.arm === arm)];
  return [...new Set(blocks.map(({ pair }) => pair))].flatMap((pair) => {
    const [off, on] = [valueIn(pair, 'off'), valueIn(pair, 'on')];
    return typeof off === 'number' && typeof on === 'number' ? [{ pair, off, on }] : [];
  });
}
