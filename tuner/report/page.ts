import { formatSeconds } from '../../model/duration.ts';
import type { TransactionRecord } from '../journal/list.ts';
import { armsChart } from './chart-arms.ts';
import { blocksChart } from './chart-blocks.ts';
import { intervalsChart } from './chart-intervals.ts';
import { othersTable } from './chart-others.ts';
import { html, type Markup } from './html.ts';
import { type JournalReport, readReport } from './read-report.ts';
import { shortNumber } from './scale.ts';
import { STYLE } from './style.ts';

/**
 * The report of an experiment as one page, without scripts or external resources, which its CSP forbids too.
 *
 * @throws TunerError TUNE_USAGE for a transaction without a report.
 */
export function reportPage(record: Pick<TransactionRecord, 'id' | 'header' | 'progress'>): string {
  const report = readReport(record);
  const { primary, text, blocks } = report;
  const isByRestarts = report.kind === 'restarts';
  const block = isByRestarts ? 'boot' : 'block';
  const names = record.header.domains.map(({ domain }) => domain.name).join(', ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${primary.judgement.verdict}: ${names}, ${record.id}</title>
<style>${STYLE}</style>
</head>
<body>
<h1><bdi>${names}</bdi>: ${primary.judgement.verdict}</h1>
<ul>${text.map((line) => html`<li>${line}</li>\n`)}</ul>
${facts(record, report)}
<h2>${isByRestarts ? 'Boots' : 'Blocks'}</h2>
<p>${primary.name}, mean of each ${block}. <span class="key off">off</span> without the settings, <span class="key on">on</span> with them. A bar begins after the time to settle.</p>
${blocksChart(report)}
<h2>Both arms</h2>
<p>${isByRestarts ? 'One dot for each boot.' : 'One line for each pair of blocks.'}</p>
${armsChart(report)}
<h2>Effects</h2>
<p>Change with the settings, with its 95 % interval. Changes within the band do not matter.</p>
${intervalsChart(report)}
<h2>Other VMs</h2>
${othersTable(report)}
<h2>Values</h2>
<table><thead><tr><th>${block}</th>${isByRestarts ? '' : html`<th>pair</th>`}<th>settings</th><th>from</th><th>to</th><th>${primary.name}</th></tr></thead><tbody>${blocks.map(
    ({ pair, arm, measureMs, endMs }, at) =>
      html`<tr><td>${at + 1}</td>${isByRestarts ? '' : html`<td>${pair + 1}</td>`}<td>${arm}</td><td>${duration(measureMs)}</td><td>${duration(endMs)}</td><td>${valueText(primary.blocks[at])}</td></tr>\n`,
  )}</tbody></table>
</body>
</html>
`;
  return page.text;
}

function facts(
  { id, header, progress }: Pick<TransactionRecord, 'id' | 'header' | 'progress'>,
  report: JournalReport,
): Markup {
  const { startedAt, baselineMs, seed, margin, design } = report;
  const { blockMs, settleMs } = design;
  const blocks =
    'restarts' in design ? `${design.restarts} restarts, each boot` : `${2 * design.pairs} blocks of`;
  const rows: readonly (readonly [string, string])[] = [
    ['transaction', `${id}, ${progress.status}`],
    ['host', header.hostname],
    ['command', header.command],
    ['started', startedAt],
    [
      'design',
      `${blocks} ${duration(blockMs)} after ${duration(settleMs)} to settle, baseline ${duration(baselineMs)}`,
    ],
    ['margin', `${((margin - 1) * 100).toFixed(1)} %`],
    ['random seed', String(seed)],
  ];
  return html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>`;
}

const duration = (ms: number): string => formatSeconds(Math.round(ms / 1_000));
const valueText = (value: number | null | undefined): string =>
  value === null || value === undefined ? 'no value' : shortNumber(value);
