import { expect, test } from 'vitest';
import type { DomainState } from '../../../tuner/facts/facts.ts';
import { pickDomains } from '../../../tuner/profile/pick.ts';

const states = ['db*', 'db01', 'db?', 'web\u001b[31m'].map(
  (name, index): DomainState => ({
    domain: { name, uuid: `11111111-2222-4333-8444-00000000000${index}`, id: -1 },
    live: undefined,
    inactive: undefined,
    capabilities: undefined,
  }),
);
const picked = (...patterns: string[]): string[] =>
  pickDomains(states, patterns).map(({ domain }) => domain.name);

test('a domain that is named like a glob is selected by its name, and no other domain is', () => {
  expect(picked('db*')).toEqual(['db*']);
  expect(picked('db?')).toEqual(['db?']);
  expect(picked('db0?')).toEqual(['db01']);
  expect(picked('d*')).toEqual(['db*', 'db01', 'db?']);
  expect(picked('11111111-2222-4333-8444-000000000001')).toEqual(['db01']);
});

test('a pattern without a match lists names that can be typed, and UUIDs for the others', () => {
  expect(() => picked('nobody')).toThrow(
    /"db01", 11111111-2222-4333-8444-000000000000 \("db\*"\).*000000000003 \("web/,
  );
});
