import type { Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { loadCommands } from '../../cli/commands.ts';

function* optionsBelow(command: Command, parents: readonly string[]): Generator<[string, Option]> {
  const names = [...parents, command.name()];
  for (const option of command.options) yield [`${names.join(' ')} ${option.long}`, option];
  for (const each of command.commands) yield* optionsBelow(each, names);
}

const options = (await loadCommands(undefined)).flatMap((command) => [...optionsBelow(command, ['virtune'])]);
const durations = options.filter(([, { flags }]) => flags.endsWith('<duration>'));

/** The same time in three forms; the second row is for options with a minimum of an hour. */
const SAME = [
  { seconds: 70, texts: ['70', '70s', '1m10s'] },
  { seconds: 7_200, texts: ['7200', '7200s', '2h'] },
] as const;

function isInRange(read: (text: string, before: unknown) => number, text: string): boolean {
  try {
    read(text, undefined);
    return true;
  } catch {
    return false;
  }
}

test('every option that takes a time takes a duration', () => {
  const timely = /second|timeout|deadline|interval|delay|wait|pause|settle|duration/i;
  const others = options.filter(
    ([name, { flags, required }]) =>
      required && timely.test(`${name} ${flags}`) && !flags.endsWith('<duration>'),
  );
  expect(others.map(([name]) => name)).toEqual([]);
  expect(durations.map(([name]) => name)).toContain('virtune exporter --scrape-deadline');
  expect(durations.length).toBeGreaterThan(10);
});

test.each(durations)('%s reads seconds and units, and says what it expects', (_, { parseArg }) => {
  const read = parseArg as (text: string, before: unknown) => number;
  const { seconds, texts } = SAME.find(({ texts: [first] }) => isInRange(read, first)) ?? SAME[0];
  expect(texts.map((text) => read(text, undefined))).toEqual(texts.map(() => seconds));
  for (const wrong of ['soon', '', '-1', '1e2', '400d'])
    expect(() => read(wrong, undefined)).toThrow(
      /^Expected (whole )?seconds, or a duration such as .* from /,
    );
});
