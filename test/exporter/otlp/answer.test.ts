import { expect, test } from 'vitest';
import { readAnswer } from '../../../exporter/otlp/answer.ts';

const answer = (status: number, body: string | Buffer = '', headers: Record<string, string> = {}) =>
  readAnswer({ status, headers, body: Buffer.from(body) }, 'http://receiver/v1/metrics', 0);

/** ExportMetricsServiceResponse{partial_success{rejected_data_points: 3, error_message: "no"}} */
const PARTIAL = Buffer.from([0x0a, 0x06, 0x08, 0x03, 0x12, 0x02, 0x6e, 0x6f]);

test('an empty answer, an empty message and a word are a success', () => {
  const nothing = { kind: 'accepted', rejectedPoints: 0, warning: '' };
  expect(answer(200)).toEqual(nothing);
  expect(answer(204)).toEqual(nothing);
  expect(answer(200, Buffer.from([0x0a, 0x00]))).toEqual(nothing);
  expect(answer(200, '{"partialSuccess":{}}', { 'content-type': 'application/json' })).toEqual(nothing);
  expect(answer(200, 'ok\n', { 'content-type': 'text/plain' })).toEqual(nothing);
});

test('a partial success says how many points were rejected, in protobuf and in JSON', () => {
  const partial = { kind: 'accepted', rejectedPoints: 3, warning: 'no' };
  expect(answer(200, PARTIAL, { 'content-type': 'application/x-protobuf' })).toEqual(partial);
  expect(
    answer(200, '{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"no"}}', {
      'content-type': 'application/json',
    }),
  ).toEqual(partial);
});

test.each(['-5', '1e30', 'three', null, { valueOf: 3 }, 0.5, '99999999999999999999'])(
  'a count of rejected points that is not one, %j, counts as none',
  (rejectedDataPoints) => {
    const body = JSON.stringify({ partialSuccess: { rejectedDataPoints, errorMessage: { toString: 1 } } });
    expect(answer(200, body, { 'content-type': 'application/json' })).toEqual({
      kind: 'accepted',
      rejectedPoints: 0,
      warning: '',
    });
  },
);

test('a warning is one line, whatever a receiver sends', () => {
  const body = JSON.stringify({ partialSuccess: { errorMessage: 'no\r\nvirtune: closing\u001b[2J\u2028' } });
  expect(answer(200, body, { 'content-type': 'application/json' })).toMatchObject({
    warning: 'no virtune: closing [2J',
  });
});

test.each([400, 413, 422])('%i rejects a request for good, with the words of the receiver', (status) => {
  expect(answer(status, 'out of order sample\n')).toEqual({
    kind: 'rejected',
    status,
    reason: 'out of order sample',
  });
});

test('the text of a google.rpc.Status is readable', () => {
  const status = Buffer.concat([Buffer.from([0x08, 0x03, 0x12, 0x09]), Buffer.from('bad bytes')]);
  expect(answer(400, status)).toMatchObject({ reason: 'bad bytes' });
});

test.each([408, 429, 502, 503, 504])('%i is sent again, after the time that it asks for', (status) => {
  expect(answer(status, 'later', { 'retry-after': '7' })).toMatchObject({
    kind: 'again',
    outcome: 'busy',
    retryAfterMs: 7_000,
    error: { code: 'OTLP_BUSY' },
  });
});

test.each([
  [301, 'OTLP_ANSWER', 'error'],
  [401, 'OTLP_PERMISSION', 'refused'],
  [403, 'OTLP_PERMISSION', 'refused'],
  [404, 'OTLP_REFUSED', 'error'],
  [415, 'OTLP_REFUSED', 'error'],
  [500, 'OTLP_REFUSED', 'error'],
] as const)('%i is sent again, with the code %s', (status, code, outcome) => {
  expect(answer(status)).toMatchObject({ kind: 'again', outcome, error: { code } });
});

test.each([200, 400, 404])('a web page with %i says nothing about a request', (status) => {
  const page = '<!doctype html><title>Log in</title>';
  expect(answer(status, page)).toMatchObject({
    kind: 'again',
    error: { message: expect.stringContaining('Log in') },
  });
});

test('a reason that begins with < is a reason, not a web page', () => {
  expect(answer(400, '<nil> metric')).toEqual({ kind: 'rejected', status: 400, reason: '<nil> metric' });
});

test('an error of an answer begins with the address of the receiver', () => {
  expect(answer(404)).toMatchObject({
    error: { message: expect.stringMatching(/^http:\/\/receiver\/v1\/metrics: the receiver answered 404: /) },
  });
});

test('only an error of the receiver itself counts as a failure on this request', () => {
  expect(answer(500)).toMatchObject({ hasFailedOnIt: true });
  expect(answer(404)).toMatchObject({ hasFailedOnIt: false });
  expect(answer(503)).not.toHaveProperty('hasFailedOnIt');
});
