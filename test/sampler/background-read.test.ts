import { describe, expect, test } from 'vitest';
import { ClosedError, RemoteError } from '../../libvirt/errors.ts';
import { Background, BackgroundRead } from '../../sampler/background-read.ts';

interface Question {
  answer(value: string): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** A source that answers when the test says so. */
function source(over: { refreshMs?: number; maxAgeMs?: number } = {}) {
  const questions: Question[] = [];
  const clock = { nowMs: 0 };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const options = {
    read: () => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      questions.push({
        answer: async (value) => {
          resolve(value);
          await turn();
        },
        fail: async (error) => {
          reject(error);
          await turn();
        },
      });
      return promise;
    },
    refreshMs: 0,
    maxAgeMs: 60_000,
    steadyMs: () => clock.nowMs,
    ...over,
  };
  return { questions, clock, options };
}

const NOW = { firstUntilMs: 0, untilMs: 0 };

describe('a background read', () => {
  test('is out once, however often it is started, and its answer is used whenever it comes', async () => {
    const { questions, clock, options } = source();
    const read = new BackgroundRead(options);
    for (let tick = 0; tick < 10; tick++) {
      read.start();
      expect(read.value).toBeUndefined();
      expect(read.status).toEqual({ ageMs: undefined, reason: 'unresponsive' });
      clock.nowMs += 15_000;
    }
    expect(questions).toHaveLength(1);
    await questions[0]?.answer('late');
    expect(read.value).toBe('late');
    clock.nowMs += 5_000;
    expect(read.status).toEqual({ ageMs: 5_000, reason: undefined });
  });

  test('shows the answer before, with its age and why, until that is too old', async () => {
    const { questions, clock, options } = source();
    const read = new BackgroundRead(options);
    read.start();
    await questions[0]?.answer('old');
    read.start();
    clock.nowMs = 60_000;
    expect(read.value).toBe('old');
    expect(read.status).toEqual({ ageMs: 60_000, reason: 'unresponsive' });
    clock.nowMs = 60_001;
    expect(read.value).toBeUndefined();
    expect(read.status).toEqual({ ageMs: undefined, reason: 'unresponsive' });
  });

  test('drops the answer before when the daemon says no, and keeps it when the connection is lost', async () => {
    const { questions, options } = source();
    const read = new BackgroundRead(options);
    read.start();
    await questions[0]?.answer('old');
    read.start();
    await questions[1]?.fail(new ClosedError('gone'));
    expect([read.value, read.status.reason]).toEqual(['old', 'no_connection']);
    read.start();
    await questions[2]?.fail(new RemoteError('x', 38, 0, 'it broke'));
    expect([read.value, read.status.reason]).toEqual([undefined, 'error']);
    read.start();
    await questions[3]?.fail(new RemoteError('x', 3, 0, 'unsupported'));
    expect(read.status.reason).toBe('not_supported');
  });

  test('is not asked again before its time, but after a failure it is', async () => {
    const { questions, clock, options } = source({ refreshMs: 30_000 });
    const read = new BackgroundRead(options);
    read.start();
    await questions[0]?.fail(new ClosedError('gone'));
    read.start();
    await questions[1]?.answer('there');
    clock.nowMs = 29_999;
    read.start();
    expect(questions).toHaveLength(2);
    clock.nowMs = 30_000;
    read.start();
    expect(questions).toHaveLength(3);
  });
});

describe('a background read that is forgotten', () => {
  test('has neither answer, failure nor age, and is asked again', async () => {
    const { questions, options } = source({ refreshMs: 30_000 });
    const read = new BackgroundRead(options);
    read.start();
    await questions[0]?.answer('old');
    expect(read.hasAnswered).toBe(true);
    read.giveUpWaiting();
    read.forget();
    expect([read.value, read.hasAnswered, read.slow]).toEqual([undefined, false, false]);
    expect(read.status).toEqual({ ageMs: undefined, reason: 'not_asked_yet' });
    read.start();
    await questions[1]?.fail(new RemoteError('x', 38, 0, 'it broke'));
    expect(read.hasAnswered).toBe(true);
    read.forget();
    expect(read.hasAnswered).toBe(false);
    expect(read.status).toEqual({ ageMs: undefined, reason: 'not_asked_yet' });
  });
});

describe('waiting for background reads', () => {
  test('ends once all are answered, those that an answer starts included', async () => {
    const first = source();
    const second = source();
    const background = new Background();
    const dependent = background.add(second.options);
    const read = background.add({ ...first.options, onAnswer: () => dependent.start() });
    read.start();
    const settled = background.waitForAnswers({ firstUntilMs: Number.MAX_SAFE_INTEGER / 1e9, untilMs: 0 });
    await first.questions[0]?.answer('topology');
    await second.questions[0]?.answer('cells');
    await settled;
    expect([read.value, dependent.value]).toEqual(['topology', 'cells']);
  });

  test('is not waited for after a tick has waited without an answer, until it is quick again', async () => {
    const { questions, options } = source();
    const background = new Background();
    const read = background.add(options);
    read.start();
    await background.waitForAnswers(NOW);
    expect(read.slow).toBe(true);
    // Would otherwise wait indefinitely.
    await background.waitForAnswers({ firstUntilMs: 1e9, untilMs: 1e9 });
    await questions[0]?.answer('quick after all');
    expect(read.slow).toBe(false);
  });
});
