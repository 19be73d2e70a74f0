import { expect, test } from 'vitest';
import { CallMeter } from '../../exporter/prometheus/call-meter.ts';
import { CallAbandonedError } from '../../libvirt/errors.ts';
import { figure, find, parseExposition } from '../exposition.ts';

test('calls are counted by how they ended, and their times in a histogram that adds up', () => {
  const meter = new CallMeter();
  meter.observe('domainGetInfo', 0.5, undefined);
  meter.observe('domainGetInfo', 5, undefined);
  meter.observe(
    'domainGetInfo',
    9_000,
    new CallAbandonedError('LIBVIRT_CALL_TIMEOUT', 'late', Promise.resolve()),
  );
  const series = parseExposition(meter.encode('text'));
  const labels = { procedure: 'domainGetInfo' };
  expect(figure(series, 'virtune_libvirt_calls_total', { ...labels, outcome: 'ok' })).toBe(2);
  expect(figure(series, 'virtune_libvirt_calls_total', { ...labels, outcome: 'LIBVIRT_CALL_TIMEOUT' })).toBe(
    1,
  );
  const buckets = find(series, 'virtune_libvirt_call_duration_seconds_bucket', labels);
  expect(buckets.map((each) => each.value)).toEqual([1, 2, 2, 2, 2, 2, 3]);
  expect(figure(series, 'virtune_libvirt_call_duration_seconds_sum', labels)).toBeCloseTo(9.0055, 6);
  expect(figure(series, 'virtune_libvirt_call_duration_seconds_count', labels)).toBe(3);
});

test('before the first call there is no family', () => {
  expect(new CallMeter().encode('text')).toBe('');
});
