import { expect, test } from 'vitest';
import { progressOf } from '../../../tuner/journal/progress.ts';
import type { JournalEvent, JournalHeader, NewEvent } from '../../../tuner/journal/records.ts';
import type { Step } from '../../../tuner/steps/step.ts';

const AT = '2026-01-31T10:11:12.345Z';
const DOMAIN = { uuid: '11111111-2222-4333-8444-555555555555', name: 'db01' };
const STEPS: Step[] = [
  { kind: 'vcpuPin', domain: DOMAIN, vcpu: 0, to: '1' },
  { kind: 'definition', domain: DOMAIN, to: '<domain/>' },
];
const RESTART: Step = { kind: 'restart', domain: DOMAIN, to: 'restarted' };

const HEADER: JournalHeader = {
  format: 1,
  id: '20260131T101112Z-000001',
  at: AT,
  version: '1',
  command: 'x',
  uri: 'qemu:///system',
  hostname: 'kvm01',
  domains: [],
  steps: STEPS,
  notes: [],
};

function progress(...events: NewEvent[]) {
  const timed: JournalEvent[] = events.map((event) => ({ ...event, at: AT }));
  return progressOf(HEADER, timed);
}

const doing: NewEvent = { event: 'doing', step: 0, was: '0-7', run: 3 };
const done: NewEvent = { event: 'done', step: 0, now: '1', proof: ['seen'] };
const failed: NewEvent = { event: 'failed', step: 0, code: 'TUNE_STEP', message: 'no' };
const undoing: NewEvent = { event: 'undoing', step: 0, to: '0-7' };
const undone: NewEvent = { event: 'undone', step: 0 };

test('a journal that ends in the middle is open, and says which way it was going', () => {
  expect(progress()).toMatchObject({ status: 'open', direction: 'forward' });
  expect(progress(doing)).toMatchObject({ status: 'open', direction: 'forward' });
  expect(progress(doing, done)).toMatchObject({ status: 'open', direction: 'forward' });
  expect(progress(doing, failed)).toMatchObject({ status: 'open', direction: 'back' });
  expect(progress(doing, done, undoing)).toMatchObject({ status: 'open', direction: 'back' });
});

test('a closed transaction is committed, undone, or was committed and rolled back', () => {
  const rollback: NewEvent = { event: 'rollback', pid: 1, command: 'x', restarts: [] };
  expect(progress(doing, done, { event: 'committed' }).status).toBe('committed');
  expect(progress(doing, failed, undoing, undone, { event: 'rolledBack' }).status).toBe('undone');
  expect(progress(doing, done, { event: 'committed' }, rollback).status).toBe('open');
  expect(
    progress(doing, done, { event: 'committed' }, rollback, undoing, undone, { event: 'rolledBack' }).status,
  ).toBe('rolled back');
});

test('each step is as far as its last line says', () => {
  const of = (...events: NewEvent[]) => progress(...events).steps[0]?.progress;
  expect(of()).toEqual({ kind: 'untouched' });
  expect(of({ event: 'same', step: 0 })).toEqual({ kind: 'same' });
  expect(of(doing)).toEqual({ kind: 'doing', was: '0-7', run: 3 });
  expect(of(doing, done)).toEqual({ kind: 'done', was: '0-7', run: 3, now: '1', proof: ['seen'] });
  expect(of(doing, done, undoing)).toMatchObject({ kind: 'undoing', to: '0-7', before: { kind: 'done' } });
  expect(of(doing, undoing, { event: 'remains', step: 0, code: 'X', message: 'stuck' })).toMatchObject({
    kind: 'undoing',
    error: 'stuck',
    before: { kind: 'doing' },
  });
  expect(of(doing, undoing, undone)).toEqual({ kind: 'undone', note: undefined });
});

test('what a failed step was found to hold is kept: its undo has to know it again', () => {
  const seen = progress(doing, { ...failed, now: '5' }).steps[0]?.progress;
  expect(seen).toMatchObject({ kind: 'doing', was: '0-7', seen: '5' });
});

test("a rollback's own restarts come after the transaction's steps", () => {
  const { steps } = progress(
    doing,
    done,
    { event: 'committed' },
    {
      event: 'rollback',
      pid: 1,
      command: 'x',
      restarts: [RESTART],
    },
  );
  expect(steps.map(({ step }) => step.kind)).toEqual(['vcpuPin', 'definition', 'restart']);
});
