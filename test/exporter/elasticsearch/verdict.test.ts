import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBulkAnswer, type Verdict } from '../../../exporter/elasticsearch/verdict.ts';

const verdictOn = (create: Record<string, unknown>): Verdict | undefined =>
  readBulkAnswer({ items: [{ create }] }, [{ index: 'metrics-kvm.vm-default' }])?.[0];

/** The response of Elasticsearch 8.19.0; before 8.11 with the type illegal_argument_exception. */
const outside = (atMs: number, ranges: readonly (readonly [number, number])[], type = 'timestamp_error') => {
  const seconds = (ms: number): string => new Date(ms).toISOString().replace('.000', '');
  const list = ranges.map(([from, to]) => `[${seconds(from)},${seconds(to)}]`).join('');
  return {
    status: 400,
    error: {
      type,
      reason: `the document timestamp [${new Date(atMs).toISOString()}] is outside of ranges of currently writable indices [${list}]`,
    },
  };
};
const at = (time: string): number => Date.parse(`2026-11-29T${time}Z`);

test.each(['timestamp_error', 'illegal_argument_exception'])(
  'a document later than every writable index waits, and an earlier one is rejected: %s',
  (type) => {
    const ranges = [
      [at('00:00:00'), at('01:00:00')],
      [at('02:00:00'), at('02:43:00')],
    ] as const;
    expect(verdictOn(outside(at('02:46:10'), ranges, type))?.kind).toBe('early');
    expect(verdictOn(outside(at('02:43:00'), ranges, type))?.kind, 'the end is not in the range').toBe(
      'early',
    );
    expect(verdictOn(outside(at('00:00:00') - 1, ranges, type))?.kind).toBe('rejected');
    expect(verdictOn(outside(at('01:30:00'), ranges, type))?.kind, 'of an index that is gone').toBe(
      'rejected',
    );
  },
);

test('an index that has not yet learned of its new end makes a document wait, too', () => {
  const reason = (than: string): string =>
    `time series index @timestamp value [2026-11-29T02:46:10Z] must be ${than} than 2026-11-29T02:43:29Z`;
  const verdict = (than: string): unknown =>
    verdictOn({ status: 400, error: { type: 'document_parsing_exception', reason: reason(than) } })?.kind;
  expect([verdict('smaller'), verdict('larger')]).toEqual(['early', 'rejected']);
});

test('a timestamp error waits exactly when the document is at or after the end of all ranges', () => {
  const moment = fc.integer({ min: 0, max: 4_000_000 }).map((seconds) => seconds * 1_000);
  fc.assert(
    fc.property(
      moment,
      fc.array(fc.tuple(moment, moment), { minLength: 1, maxLength: 4 }),
      (atMs, ranges) => {
        const expected = ranges.every(([, endMs]) => atMs >= endMs) ? 'early' : 'rejected';
        expect(verdictOn(outside(atMs, ranges))?.kind).toBe(expected);
      },
    ),
  );
});

const SHARDS = 'this cluster currently has [1000]/[1000] maximum';

/** Each server's errors about its limits and settings, with status 400: the document itself is valid. */
const OF_CLUSTER: readonly (readonly [type: string, reason: string])[] = [
  [
    'validation_exception',
    `Validation Failed: 1: this action would add [2] shards, but ${SHARDS} normal shards open;`,
  ],
  [
    'validation_exception',
    `Validation Failed: 1: this action would add [2] total shards, but ${SHARDS} shards open;`,
  ],
  [
    'illegal_argument_exception',
    `Validation Failed: 1: this action would add [2] total shards, but ${SHARDS} shards open;`,
  ],
  [
    'illegal_argument_exception',
    `this action would add [2] shards, but ${SHARDS} index shards open; for more information, see ...`,
  ],
  [
    'validation_exception',
    'Validation Failed: 1: expected total copies needs to be a multiple of total awareness attributes [3];',
  ],
  ['illegal_argument_exception', 'pipeline with id [add-site] does not exist'],
  ['index_closed_exception', 'closed'],
  [
    'illegal_argument_exception',
    'Number of documents in shard [.ds-metrics-kvm.vm-default-2026.11.29-000003][0] exceeds the limit of [2147483519] documents per shard',
  ],
];

test.each(OF_CLUSTER)('%s: %s: an operator ends it, and the document waits until then', (type, reason) => {
  expect(verdictOn({ status: 400, error: { type, reason } })).toEqual({
    kind: 'blocked',
    status: 400,
    reason: `${type}: ${reason}`,
  });
});

test.each(OF_CLUSTER)('a document that quotes this is rejected anyway: %s: %s', (type, reason) => {
  const error = {
    type: 'document_parsing_exception',
    reason: `failed to parse field [kvm.id] of type [long]. Preview of field's value: '${type}: ${reason}'`,
  };
  expect(verdictOn({ status: 400, error })?.kind).toBe('rejected');
});

test('no reason that a server gives, however odd, is an error of the reader', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (type, reason) => {
      expect(verdictOn({ status: 400, error: { type, reason } })?.kind).toBe('rejected');
    }),
  );
  for (const ranges of ['', '[]', '[[x,y]]', '[null,null]']) {
    const reason = `the document timestamp [x] is outside of ranges of currently writable indices [${ranges}]`;
    expect(verdictOn({ status: 400, error: { type: 'timestamp_error', reason } })?.kind).toBe('rejected');
  }
});

test('a document in the failure store of the stream is not in the stream', () => {
  expect(verdictOn({ status: 201, failure_store: 'used' })).toMatchObject({
    kind: 'rejected',
    reason: expect.stringContaining('failure store'),
  });
  expect(verdictOn({ status: 201 })).toEqual({ kind: 'delivered' });
  const error = { type: 'document_parsing_exception', reason: 'failed to parse' };
  expect(verdictOn({ status: 400, error, failure_store: 'failed' })).toMatchObject({
    kind: 'rejected',
    reason: expect.stringContaining('the failure store did not accept it'),
  });
  expect(verdictOn({ status: 400, error, failure_store: 'not_enabled' })).toEqual({
    kind: 'rejected',
    status: 400,
    reason: 'document_parsing_exception: failed to parse',
  });
});

test.each([
  ['document timestamp [', 800],
  ['time series index @timestamp value [', 450],
  ['document timestamp [x] is outside of ranges of currently writable indices [', 200],
  ['[', 16_000],
  ['[,', 8_000],
  ['pipeline with id [', 800],
  ['Number of documents in shard ', 500],
])('reasons that begin with %j over and over are read once each', (part, times) => {
  const reason = `document timestamp [x] is outside of ranges of currently writable indices [${part.repeat(times)}`;
  const items = Array.from({ length: 500 }, (_, place) => ({
    create: {
      status: 400,
      error: { type: 'timestamp_error', reason: place % 2 === 0 ? `${reason}]` : part.repeat(times) },
    },
  }));
  const sent = items.map(() => ({ index: 'metrics-kvm.vm-default' }));
  const verdicts = readBulkAnswer({ items }, sent) ?? [];
  expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['rejected']));
});

test('an answer about indices of another stream is none to these documents', () => {
  const about = (index: unknown) =>
    readBulkAnswer({ items: [{ create: { status: 201, _index: index } }] }, [{ index: 'metrics-kvm.vm-a' }]);
  for (const own of [
    undefined,
    'metrics-kvm.vm-a',
    '.ds-metrics-kvm.vm-a-2026.11.30-000001',
    '.fs-metrics-kvm.vm-a-1',
  ])
    expect(about(own)).toEqual([{ kind: 'delivered' }]);
  for (const other of ['metrics-kvm.vm-ab', '.ds-metrics-kvm.host-a-2026.11.30-000001', '', 7, null])
    expect(about(other)).toBeUndefined();
});
