import { expect, test, vi } from 'vitest';
import type { Destination } from '../../../exporter/ndjson/destination.ts';
import { LineWriter } from '../../../exporter/ndjson/line-writer.ts';
import { OutputError } from '../../../exporter/ndjson/output-error.ts';

/** A destination whose writes wait for the test. */
function gated(maxBytes = 100) {
  const steps: string[] = [];
  const waiting: (() => void)[] = [];
  let failure: Error | undefined;
  const destination: Destination = {
    target: 'standard output',
    write: async (text) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (failure !== undefined) throw failure;
      steps.push(text.trimEnd());
    },
    reopen: async () => void steps.push('reopen'),
    close: async () => void steps.push('close'),
  };
  const onDrop = vi.fn();
  const onWritten = vi.fn();
  const onFailure = vi.fn();
  const writer = new LineWriter({ destination, maxBytes, onDrop, onWritten, onFailure });
  const release = async (): Promise<void> => {
    await vi.waitFor(() => expect(waiting.length).toBeGreaterThan(0));
    waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { writer, steps, onDrop, onWritten, onFailure, release, fail: (error: Error) => (failure = error) };
}

test('writes are one after the other, and a file is reopened between two of them', async () => {
  const { writer, steps, onWritten, release } = gated();
  writer.write('1\n', 1);
  writer.write('2\n', 1);
  const reopened = writer.reopen();
  writer.write('3\n', 2);
  for (let count = 0; count < 3; count++) await release();
  await reopened;
  expect(steps).toEqual(['1', '2', 'reopen', '3']);
  expect(onWritten.mock.calls.flat()).toEqual([1, 1, 2]);
});

test('what a slow reader leaves no room for is dropped and counted, and there is room again after', async () => {
  const { writer, steps, onDrop, release } = gated(10);
  writer.write('12345\n', 3);
  writer.write('67890\n', 5);
  expect(onDrop.mock.calls).toEqual([['buffer_full', 5]]);
  expect(writer.bufferedBytes).toBe(6);
  await release();
  expect(writer.bufferedBytes).toBe(0);
  writer.write('abcde\n', 1);
  await release();
  expect(steps).toEqual(['12345', 'abcde']);
});

test('what waits is counted in bytes, not in characters', () => {
  const { writer, onDrop } = gated(10);
  writer.write('äöü\n', 1);
  expect(writer.bufferedBytes).toBe(7);
  writer.write('äö\n', 2);
  expect(onDrop.mock.calls).toEqual([['buffer_full', 2]]);
});

test('what cannot be written is dropped and counted, and the next is tried', async () => {
  const { writer, onDrop, onFailure, onWritten, release, fail } = gated();
  const full = new OutputError('OUTPUT_WRITE', 'full', undefined, 1);
  fail(full);
  writer.write('1\n', 4);
  await release();
  // One of its lines is in the file.
  expect(onDrop.mock.calls).toEqual([['failed', 3]]);
  expect(onFailure.mock.calls).toEqual([[full]]);
  expect(onWritten).not.toHaveBeenCalled();
  expect(writer.bufferedBytes).toBe(0);
});

test('closing waits for what is still to be written, but not for a reader that hangs', async () => {
  const quick = gated();
  quick.writer.write('1\n', 1);
  const closed = quick.writer.close(60_000);
  await quick.release();
  await closed;
  expect(quick.steps).toEqual(['1', 'close']);

  const hung = gated();
  hung.writer.write('1\n', 1);
  hung.writer.write('2\n', 6);
  await hung.writer.close(1);
  expect(hung.steps).toEqual([]);
  expect(hung.onDrop.mock.calls).toEqual([['buffer_full', 7]]);
});
