import { expect, test } from 'vitest';
import { isSince, LIBVIRT_FEATURES } from '../../model/libvirt-features.ts';
import { TESTED_VERSIONS } from '../../model/tested-versions.ts';
import { expectedOf } from './expected.ts';

const tested = Object.values(TESTED_VERSIONS);
const pairs = tested.flatMap(({ libvirt }) => tested.map(({ qemu }) => ({ libvirt, qemu })));

test.each(pairs)(
  'libvirt $libvirt with QEMU $qemu is expected to report what both of them have',
  (versions) => {
    const { blockFields, windowFields, histogramFields, ioThreadFields, pollingByDefault } =
      expectedOf(versions);
    expect({
      blockLimits: blockFields.includes('limits.iov_max'),
      blockWindows: windowFields.length > 0,
      blockLatency: histogramFields.length > 0,
      pollWeight: ioThreadFields.includes('poll-weight'),
    }).toEqual({
      blockLimits: isSince(versions, LIBVIRT_FEATURES.blockLimits),
      blockWindows: isSince(versions, LIBVIRT_FEATURES.blockWindows),
      blockLatency: isSince(versions, LIBVIRT_FEATURES.blockLatency),
      pollWeight: isSince(versions, LIBVIRT_FEATURES.pollWeight),
    });
    expect(Object.keys(pollingByDefault)).toEqual(ioThreadFields);
  },
);

test('libvirt 12.9 with QEMU 10.0 has histograms of latency, but no windows, limits or polling weight', () => {
  const expected = expectedOf({ libvirt: 12_009_000, qemu: 10_000_000 });
  expect(expected.histogramFields).toContain('latency_histogram.read.bin.count');
  expect(expected.windowFields).toEqual([]);
  expect(expected.blockFields).not.toContain('limits.iov_max');
  expect(expected.pollingByDefault).toEqual({ 'poll-max-ns': 32_768, 'poll-grow': 0, 'poll-shrink': 0 });
});
