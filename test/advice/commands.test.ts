import { expect, test } from 'vitest';
import { nameFor } from '../../advice/commands.ts';

const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';

test.each([
  ['a number, which virsh takes for an ID', '7'],
  ['a number as strtol(3) reads it', '\t+07'],
  ['the UUID of another VM', 'c0ffee00-f6a4-8304-79aa-97f2502e193f'],
  ['what looks like an option', '--config'],
])('a VM whose name is %s is named by its UUID in commands', (_, name) => {
  expect(nameFor({ name, uuid })).toBe(uuid);
});

test.each(['db-01', '7a', '-'.padStart(2, 'a'), '٧'])(
  'a VM called %s is named by its name in commands',
  (name) => {
    expect(nameFor({ name, uuid })).toBe(name);
  },
);
