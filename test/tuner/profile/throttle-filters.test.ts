import { expect, test } from 'vitest';
import { guestXml, profileOf, state } from './fixtures.ts';
import { problemsOf, valuesOf, wishesOf } from './wishes.ts';

const FILTERS = "<throttlefilters><throttlefilter group='tenant'/></throttlefilters>";

test('a disk whose limits come from throttle groups takes no iotune, and the plan says that it is unsupported', () => {
  const filtered = state(guestXml({ disks: 1 }).replace(/(<target dev='vda')/, `${FILTERS}$1`));
  const wishes = wishesOf(profileOf({ 'disk.iotune.totalIopsSec': 700 }), filtered);
  expect(problemsOf(wishes)).toEqual({ 'disk.iotune.totalIopsSec vda': 'THROTTLE_FILTERS' });
  expect(wishes.find(({ target }) => target === 'vda')?.problem?.text).toContain('is unsupported for vda');
  // Nothing prevents the limit of the other disk.
  expect(valuesOf(wishes)).toEqual({ 'disk.iotune.totalIopsSec vdb': '700' });
});
