import { html, type Markup } from './html.ts';
import type { JournalReport } from './read-report.ts';
import { linearScale, shortNumber } from './scale.ts';

const [WIDTH, HEIGHT] = [420, 260];
const [LEFT, TOP, BOTTOM] = [80, 10, 30];
const [OFF_X, ON_X] = [160, 340];

/**
 * Each complete pair as a line from its block without the settings to the one with them; boots, which have no pairs, as
 * dots.
 */
export function armsChart(report: JournalReport): Markup {
  const { blocks, primary } = report;
  const { off, on } = armsOf(report, primary.blocks);
  const y = linearScale([...off, ...on], HEIGHT - BOTTOM, TOP);
  const grid = y.ticks.map(
    (tick) =>
      html`<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${y.at(tick)}" y2="${y.at(tick)}"/><text class="tick end" x="${LEFT - 6}" y="${y.at(tick) + 4}">${shortNumber(tick)}</text>`,
  );
  const dot = (arm: string, x: number, value: number): Markup =>
    html`<circle class="dot ${arm}" cx="${x}" cy="${y.at(value)}" r="4"><title>${arm}: ${shortNumber(value)}</title></circle>`;
  const lines =
    report.kind === 'restarts'
      ? [...off.map((value) => dot('off', OFF_X, value)), ...on.map((value) => dot('on', ON_X, value))]
      : pairsOf(blocks, primary.blocks).map((pair) => pairLine(pair, y.at));
  return html`<svg class="narrow" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${primary.name} without and with the settings, block by block">${grid}${lines}<text class="tick" x="${OFF_X}" y="${HEIGHT - 8}">off</text><text class="tick" x="${ON_X}" y="${HEIGHT - 8}">on</text></svg>`;
}

type Pair = ReturnType<typeof pairsOf>[number];

function pairLine({ pair, off, on }: Pair, y: (value: number) => number): Markup {
  return html`<g><title>pair ${pair + 1}: ${shortNumber(off)} off, ${shortNumber(on)} on</title><line class="pair" x1="${OFF_X}" x2="${ON_X}" y1="${y(off)}" y2="${y(on)}"/><circle class="dot off" cx="${OFF_X}" cy="${y(off)}" r="4"/><circle class="dot on" cx="${ON_X}" cy="${y(on)}" r="4"/></g>`;
}

/** The values of a figure by arm: of complete pairs, or of all boots that have one. */
export function armsOf(
  { kind, blocks }: Pick<JournalReport, 'kind' | 'blocks'>,
  values: readonly (number | null)[],
): { readonly off: number[]; readonly on: number[] } {
  if (kind !== 'restarts') {
    const pairs = pairsOf(blocks, values);
    return { off: pairs.map(({ off }) => off), on: pairs.map(({ on }) => on) };
  }
  const of = (arm: string): number[] =>
    values.filter((value, at): value is number => value !== null && blocks[at]?.arm === arm);
  return { off: of('off'), on: of('on') };
}

/** Pairs in which both blocks have a value. */
function pairsOf(
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
