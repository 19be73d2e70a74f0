import { expect, test } from 'vitest';
import { SlowReads } from '../../sampler/slow-reads.ts';
import { turns } from './fake-link.ts';

test('two reads are in flight at once; those that wait follow one by one, in their order, also after a failure', async () => {
  const reads = new SlowReads();
  const begun: number[] = [];
  const outs = Array.from({ length: 4 }, () => Promise.withResolvers<number>());
  const ended = outs.map(({ promise }, index) =>
    reads
      .run(() => {
        begun.push(index);
        return promise;
      })
      .catch((error: Error) => error.message),
  );
  await turns();
  expect([begun, reads.isFull]).toEqual([[0, 1], true]);
  outs[1]?.reject(new Error('gone'));
  await turns();
  expect([begun, reads.isFull]).toEqual([[0, 1, 2], true]);
  for (const [index, { resolve }] of outs.entries()) resolve(index);
  expect(await Promise.all(ended)).toEqual([0, 'gone', 2, 3]);
  expect(reads.isFull).toBe(false);
  const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  void reads.run(() => one.promise);
  expect(reads.isFull).toBe(false);
  void reads.run(() => two.promise);
  expect(reads.isFull).toBe(true);
});
