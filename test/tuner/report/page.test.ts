import { DOMParser, type Element } from '@xmldom/xmldom';
import { expect, test } from 'vitest';
import type { TransactionRecord } from '../../../tuner/journal/list.ts';
import { describeReport } from '../../../tuner/measure/describe.ts';
import type { Figure } from '../../../tuner/measure/figure.ts';
import { normals, seededRandom } from '../../../tuner/measure/random.ts';
import { reportOn } from '../../../tuner/measure/report.ts';
import { makeSchedule } from '../../../tuner/measure/schedule.ts';
import { reportPage } from '../../../tuner/report/page.ts';

const HOSTILE = '"><script>alert(1)</script>\u202edb';
const EVERY_MS = 5_000;
const BASELINE_MS = 300_000;
const gauge = (name: string): Figure => ({ name, kind: 'gauge', direction: 'lower is better' });

/** A record of an experiment that halves the first figure; with `run` blocks, one of them without a value. */
function record({ run = 12, effect = 0.5 } = {}): Pick<TransactionRecord, 'id' | 'header' | 'progress'> {
  const schedule = makeSchedule({ pairs: 6, blockMs: 60_000, settleMs: 15_000 }, 7);
  const normal = normals(seededRandom(3));
  const blocks = schedule.blocks.slice(0, run).map((block) => ({
    ...block,
    startMs: BASELINE_MS + block.startMs,
    measureMs: BASELINE_MS + block.measureMs,
    endMs: BASELINE_MS + block.endMs,
  }));
  const series = (name: string) =>
    blocks.flatMap(({ arm, startMs, endMs }, block) =>
      Array.from({ length: (endMs - startMs) / EVERY_MS }, (_, at) => ({
        atMs: startMs + (at + 1) * EVERY_MS,
        run: 1,
        value:
          name === 'broken' && block === 4
            ? undefined
            : (name === 'zero' ? 0 : 10) * (arm === 'on' ? effect : 1) * Math.exp(0.02 * normal()),
      })),
    );
  const report = reportOn(
    {
      primary: gauge('latency'),
      secondary: [gauge('broken'), gauge('zero')],
      covariates: [],
      guards: [gauge(`steal of ${JSON.stringify(HOSTILE)}`), gauge('absent')],
      criterion: { margin: 1.05 },
    },
    {
      startedAt: '2026-01-02T03:04:05.000Z',
      baselineMs: BASELINE_MS,
      seed: 7,
      design: { pairs: 6, blockMs: 60_000, settleMs: 15_000 },
      blocks,
      everyMs: EVERY_MS,
      series: (name) => (name === 'absent' ? [] : series(name)),
    },
  );
  const measured: unknown = JSON.parse(JSON.stringify({ ...report, text: describeReport(report) }));
  return {
    id: '20260102T030405Z-000000',
    header: {
      hostname: 'kvm1',
      command: `virtune tune apply '${HOSTILE}'`,
      domains: [{ domain: { name: HOSTILE, uuid: 'u' } }],
    },
    progress: { status: 'committed', measured },
  } as unknown as TransactionRecord;
}

/** Parses the page as well-formed XML, after closing what HTML leaves open. */
function parsed(page: string): Element {
  const xml = page.replace('<!doctype html>', '').replaceAll(/(<meta [^>]*)>/g, '$1/>');
  const root = new DOMParser({ onError: (_level, message) => expect.unreachable(message) }).parseFromString(
    xml,
    'text/html',
  ).documentElement;
  if (root === null) throw new Error('no document');
  return root;
}

const withClass = (root: Element, tag: string, name: string): Element[] =>
  [...root.getElementsByTagName(tag)].filter((each) => each.getAttribute('class') === name);

test('the page has a bar per block and arm, a line per pair, an interval per figure and a row per other VM', () => {
  const root = parsed(reportPage(record()));
  const [blocks, arms, intervals] = [...root.getElementsByTagName('svg')];
  if (blocks === undefined || arms === undefined || intervals === undefined) throw new Error('no charts');
  expect(withClass(blocks, 'line', 'bar on')).toHaveLength(6);
  expect(withClass(blocks, 'line', 'bar off')).toHaveLength(6);
  expect(withClass(arms, 'line', 'pair')).toHaveLength(6);
  // The figure that was always 0 has no effect.
  expect(withClass(intervals, 'line', 'interval')).toHaveLength(2);
  const [others] = [...root.getElementsByTagName('table')];
  expect(others?.textContent).toContain('absentno valueno value');
  expect(others?.getElementsByTagName('tr')).toHaveLength(3);
  expect([...root.getElementsByTagName('h1')][0]?.textContent).toMatch(/: better$/);
  expect(root.textContent).toContain('20260102T030405Z-000000, committed');
  expect([...root.getElementsByTagName('dd')].slice(4).map(({ textContent }) => textContent)).toEqual([
    '12 blocks of 1m after 15s to settle, baseline 5m',
    '5.0 %',
    '7',
  ]);
  const [first] = [...root.getElementsByTagName('tbody')].at(-1)?.getElementsByTagName('tr') ?? [];
  expect(first?.textContent).toMatch(/^11o(n|ff)5m15s6m15s\d/);
});

test('bars with the settings are where their values are: lower on the screen for a lower latency', () => {
  const [blocks] = [...parsed(reportPage(record())).getElementsByTagName('svg')];
  if (blocks === undefined) throw new Error('no chart');
  const heights = (arm: string): number[] =>
    withClass(blocks, 'line', `bar ${arm}`).map((bar) => Number(bar.getAttribute('y1')));
  expect(Math.min(...heights('on'))).toBeGreaterThan(Math.max(...heights('off')));
});

test('the name of a VM is text, and the page loads nothing and runs nothing', () => {
  const page = reportPage(record());
  const root = parsed(page);
  expect(root.getElementsByTagName('script')).toHaveLength(0);
  expect([...root.getElementsByTagName('h1')][0]?.textContent).toContain(
    '"><script>alert(1)</script>\\u{202e}db',
  );
  expect(page).not.toContain('\u202e');
  expect(page).not.toMatch(/[ :](src|href|onload|onerror)=|url\(|@import/);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test('an interval without a limit ends in an arrow, and an experiment that ended early has a page too', () => {
  const early = parsed(reportPage(record({ run: 5 })));
  expect(withClass(early, 'path', 'arrow').length).toBeGreaterThan(0);
  const none = parsed(reportPage(record({ run: 0 })));
  expect([...none.getElementsByTagName('h1')][0]?.textContent).toMatch(/: inconclusive$/);
  expect(reportPage(record({ run: 0 }))).not.toMatch(/NaN|Infinity|undefined/);
  expect(reportPage(record({ effect: 0 }))).not.toMatch(/NaN|Infinity|undefined/);
});

test('a transaction without an experiment, or with a report of another version, has no page', () => {
  const found = record();
  const page = (measured: unknown) =>
    reportPage({ ...found, progress: { ...found.progress, measured } as TransactionRecord['progress'] });
  expect(() => page(undefined)).toThrow('was not measured');
  expect(() => page({ format: 2 })).toThrow('was written by another version of virtune');
});
