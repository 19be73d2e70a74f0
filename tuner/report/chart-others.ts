import { mean } from '../measure/moments.ts';
import { armsOf } from './chart-arms.ts';
import { html, type Markup } from './html.ts';
import type { JournalReport } from './read-report.ts';
import { linearScale, pixels, shortNumber } from './scale.ts';

const [WIDTH, HEIGHT, EDGE] = [260, 36, 4];

/** Steal and latency of the other VMs, block by block; the largest rise with the settings first. */
export function othersTable(report: JournalReport): Markup {
  const { blocks, others } = report;
  const rows = others
    .map(({ name, blocks: values }) => {
      const { off, on } = armsOf(report, values);
      return { name, values, off: meanOf(off), on: meanOf(on) };
    })
    .toSorted((a, b) => rise(b) - rise(a));
  if (rows.length === 0) return html`<p>No other VM ran on this host.</p>`;
  return html`<table><thead><tr><th>figure</th><th>mean off</th><th>mean on</th><th>${report.kind === 'restarts' ? 'boots' : 'blocks'}</th></tr></thead><tbody>${rows.map(
    ({ name, values, off, on }) =>
      html`<tr><th scope="row">${name}</th><td>${cell(off)}</td><td>${cell(on)}</td><td>${sparkline(blocks, values)}</td></tr>\n`,
  )}</tbody></table>`;
}

interface Means {
  readonly off: number | undefined;
  readonly on: number | undefined;
}

const meanOf = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : mean(values);
const cell = (value: number | undefined): string => (value === undefined ? 'no value' : shortNumber(value));

/** Figures without a value come last. */
function rise({ off, on }: Means): number {
  if (off === undefined || on === undefined) return Number.NEGATIVE_INFINITY;
  return on === off ? 0 : (on - off) / Math.max(Math.abs(off), Math.abs(on));
}

function sparkline(blocks: JournalReport['blocks'], values: readonly (number | null)[]): Markup {
  const y = linearScale(
    values.filter((value) => value !== null),
    HEIGHT - EDGE,
    EDGE,
  );
  const step = WIDTH / Math.max(1, values.length);
  const bars = values.map((value, at) => {
    if (value === null) return '';
    const x = pixels(at * step);
    const arm = blocks[at]?.arm ?? 'off';
    return html`<line class="bar ${arm}" x1="${x}" x2="${pixels(x + step * 0.85)}" y1="${y.at(value)}" y2="${y.at(value)}"><title>block ${at + 1}, ${arm}: ${shortNumber(value)}</title></line>`;
  });
  return html`<svg class="small" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">${bars}</svg>`;
}
