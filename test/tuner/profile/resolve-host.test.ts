import { expect, test } from 'vitest';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import type { Entry, Profile } from '../../../tuner/profile/profile.ts';
import { resolveHost } from '../../../tuner/profile/resolve-host.ts';
import { profileOf } from './fixtures.ts';

function hostProfile(name: string, values: Readonly<Record<string, unknown>>): Profile {
  const entries = Object.entries(values).map(([id, value]): [string, Entry] => [
    id,
    { value, why: `${name} wants it`, source: 'a test' },
  ]);
  return { ...profileOf({}), name, host: new Map(entries) as Profile['host'] };
}

test('what profiles agree on is wanted once, by all of them', () => {
  const wishes = resolveHost([
    hostProfile('a', { ksm: 'off', hugepages: 'as-needed' }),
    hostProfile('b', { ksm: false }),
  ]);
  expect(wishes).toEqual([
    { knob: 'ksm', wanted: 'off', profiles: ['a', 'b'], why: 'a wants it', source: 'a test' },
    { knob: 'hugepages', wanted: 'as-needed', profiles: ['a'], why: 'a wants it', source: 'a test' },
  ]);
});

test('of bounds from above the lowest holds', () => {
  const [swappiness] = resolveHost([
    hostProfile('a', { swappiness: 30 }),
    hostProfile('b', { swappiness: 10 }),
  ]);
  expect(swappiness).toEqual({
    knob: 'swappiness',
    wanted: 10,
    profiles: ['a', 'b'],
    why: 'b wants it',
    source: 'a test',
  });
});

test('profiles that want opposite values are reported, and nothing is changed', () => {
  const [ksm] = resolveHost([hostProfile('a', { ksm: true }), hostProfile('b', { ksm: false })]);
  expect(ksm?.problem).toMatchObject({
    code: 'PROFILES_DISAGREE',
    text: 'host setting ksm cannot be on (a) and off (b) at the same time',
  });
});

test('leave wants nothing, and a profile that is used twice counts once', () => {
  expect(resolveHost([hostProfile('a', { ksm: 'leave' })])).toEqual([]);
  const profile = hostProfile('a', { thp: 'always' });
  expect(resolveHost([profile, profile])[0]?.profiles).toEqual(['a']);
});

test('what profiles that come with virtune want of one host together is known', async () => {
  const library = await ProfileLibrary.open([]);
  const together = (...names: string[]): string[] =>
    resolveHost(names.map((name) => library.get(name))).flatMap(({ knob, problem }) =>
      problem === undefined ? [] : [knob],
    );
  expect(
    together('oltp-database', 'sql-server', 'analytics-database', 'windows', 'balanced', 'network'),
  ).toEqual([]);
  expect(together('oltp-database', 'low-latency')).toEqual([]);
  expect(together('oltp-database', 'dense')).toEqual(['numaBalancing']);
  expect(together('low-latency', 'dense')).toEqual(['ksm', 'numaBalancing']);
});
