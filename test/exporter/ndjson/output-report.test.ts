import { beforeEach, expect, test, vi } from 'vitest';
import { OutputError } from '../../../exporter/ndjson/output-error.ts';
import { OutputReport } from '../../../exporter/ndjson/output-report.ts';

const FULL = new OutputError('OUTPUT_WRITE', '/srv/o cannot be written: ENOSPC: no space left; free space');
const FAILING =
  'output: /srv/o cannot be written: ENOSPC: no space left; free space; documents are dropped [OUTPUT_WRITE]';

let lines: string[];
let report: OutputReport;
const onClosed = vi.fn();
beforeEach(() => {
  lines = [];
  onClosed.mockClear();
  report = new OutputReport({ target: '/srv/o', log: (line) => lines.push(line), onClosed });
});

const fail = (documents: number): void => {
  report.dropped('failed', documents);
  report.failed(FULL);
};

test('a failure that lasts is one line, and its end another, with the documents that were dropped', () => {
  report.written(0);
  fail(3);
  fail(4);
  report.written(100);
  report.written(0);
  expect(lines).toEqual([FAILING, 'output: writing to /srv/o works again; 7 documents were dropped']);
});

test('a failure that comes and goes within a minute is not logged each time, nor its end; its documents count', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    fail(1);
    report.written(0);
    fail(2);
    report.written(0);
    expect(lines).toHaveLength(2);
    vi.advanceTimersByTime(61_000);
    fail(4);
    report.written(0);
    expect(lines.slice(2)).toEqual([
      FAILING,
      'output: writing to /srv/o works again; 6 documents were dropped',
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('a reader that is too slow has caught up once nothing waits for it', () => {
  report.dropped('buffer_full', 5);
  report.written(1_000);
  expect(lines).toEqual([
    'output: /srv/o cannot keep up, and the buffer is full: speed up its reader or storage, or raise --output.interval; documents are dropped [OUTPUT_SLOW]',
  ]);
  report.written(0);
  expect(lines[1]).toBe('output: writing to /srv/o works again; 5 documents were dropped');
});

test('documents that a shutdown leaves unwritten are one line at its end, which blames no full buffer', () => {
  report.close();
  report.dropped('buffer_full', 5);
  report.dropped('buffer_full', 2);
  expect(lines).toEqual([]);
  report.ended();
  expect(lines).toEqual([
    'output: 7 documents could not be written to /srv/o before virtune stopped, and were dropped: check its reader or storage [OUTPUT_SLOW]',
  ]);
});

test('a shutdown that leaves nothing unwritten logs nothing', () => {
  report.close();
  report.ended();
  expect(lines).toEqual([]);
});

test('a reader that is gone ends the output once, and not while it is being closed', () => {
  const gone = new OutputError('OUTPUT_CLOSED', 'gone');
  report.failed(gone);
  report.failed(gone);
  expect(onClosed.mock.calls).toEqual([[gone]]);
  expect(lines).toEqual([]);

  const closing = new OutputReport({ target: '/srv/o', log: (line) => lines.push(line), onClosed });
  closing.close();
  closing.failed(gone);
  expect(onClosed).toHaveBeenCalledTimes(1);
});
