import { expect, test } from 'vitest';
import { answerOf } from '../../advice/answer.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import type { MissingReason } from '../../model/missing.ts';
import { hostOf, vmOf } from './made-host.ts';

const MIN_SAMPLES = 5;

/** A VM whose newest sample lacks guest memory for this reason, after `seen` samples that had it. */
function vm(name: string, reason: MissingReason | undefined, seen: number): ObservedVm {
  const made = vmOf(name, { places: [{ vcpus: 1, run: 0.1 }] });
  return {
    ...made,
    guest: { ...made.guest, usableShare: Series.of(Array.from({ length: seen }, () => 0.5)) },
    missing: new Map(reason === undefined ? [] : [['balloon', reason]]),
  };
}

const saidOfGuests = (...vms: readonly ObservedVm[]): string[] =>
  answerOf(hostOf(vms), [], MIN_SAMPLES).unknown.filter((text) => text.includes('guests'));

test('guests without a stats period, a balloon or a driver that reports are named as those that do not report', () => {
  expect(
    saidOfGuests(
      vm('a', 'no_stats_period', 0),
      vm('b', 'no_balloon', 0),
      vm('c', 'guest_does_not_report', 0),
      vm('d', 'guest_stopped_reporting', 2),
      vm('e', undefined, 8),
    ),
  ).toEqual(['memory in 4 of 5 guests: they do not report it']);
});

test.each<MissingReason>([
  'busy',
  'paused',
  'crashed',
  'suspended',
  'late',
  'unresponsive',
  'error',
  'denied',
  'no_xml',
])('a VM without memory figures in the newest sample (%s) has those of the samples before', (reason) => {
  expect(saidOfGuests(vm('a', reason, 7), vm('b', undefined, 8))).toEqual([]);
});

test('VMs that were paused or busy all the time are apart from those that do not report', () => {
  expect(
    saidOfGuests(vm('a', 'busy', 0), vm('b', 'paused', MIN_SAMPLES - 1), vm('c', 'no_balloon', 0)),
  ).toEqual([
    'memory in 1 of 3 guests: they do not report it',
    'memory in 2 of 3 guests: they were paused, suspended or crashed, or could not be queried',
  ]);
});
