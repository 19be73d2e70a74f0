import { expect, test } from 'vitest';
import { Background } from '../../sampler/background-read.ts';
import { Marks } from '../../sampler/marks.ts';
import { DOMAIN, fakeConnection, settled } from './fake-connection.ts';

test('marks are read with one list each, and again after half a minute', async () => {
  let nowMs = 0;
  const { ask, asked } = fakeConnection({
    connectListAllDomains: ({ flags }) => ({ domains: flags === 1_024 ? [DOMAIN] : [], count: 0 }),
  });
  const background = new Background();
  const marks = new Marks({ ask, background, now: () => nowMs, onAnswer: () => undefined });
  const read = async (): Promise<void> => {
    marks.startTick();
    await settled(background);
  };
  await read();
  expect(marks.of(DOMAIN)).toEqual({
    persistent: false,
    autostart: true,
    managedSave: false,
    hasSnapshot: false,
  });
  nowMs = 29_999;
  await read();
  expect(asked).toHaveLength(4);
  nowMs = 30_000;
  await read();
  expect(asked).toHaveLength(8);
});
