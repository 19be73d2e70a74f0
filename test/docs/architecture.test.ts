import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MAY_IMPORT } from '../rooms.ts';

const ROOT = join(import.meta.dirname, '../..');
const [, picture = ''] =
  /```mermaid\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')) ?? [];

const rooms = [...picture.matchAll(/\b(\w+)\[(\w+)\/\]/g)].map(([, id = '', folder = '']) => ({
  id,
  folder,
}));
const outside = new Set([...picture.matchAll(/\b(\w+)\(\[/g)].map(([, id]) => id));
const arrows = picture
  .split('\n')
  .slice(1)
  .flatMap((line) => {
    const match = /^ {2}(\w+)\S*(?:.*?\)\])?(?: (?:-- .* --|-\. .* \.-|--)>) (\w+)/.exec(
      line.replace(/^( {2}\w+)(\[[^\]]*\]|\(\[[^\]]*\]\))/, '$1'),
    );
    return match === null
      ? []
      : [{ from: match[1] as string, to: match[2] as string, acts: line.includes('.->') }];
  });

test('the picture of the data flow has the rooms that exist, and each of them', () => {
  for (const { id, folder } of rooms) {
    expect(id).toBe(folder);
    expect(existsSync(join(ROOT, folder)), folder).toBe(true);
  }
  // docs/ is generated from the other rooms: no data of a host passes through it.
  const drawn = rooms.map(({ id }) => id).sort();
  expect(drawn).toEqual(
    Object.keys(MAY_IMPORT)
      .filter((room) => room !== 'docs')
      .sort(),
  );
});

test('every line of the picture is understood', () => {
  const lines = picture.split('\n').filter((line) => line.trim() !== '');
  // The first line states the kind of diagram, and the last one names cli.
  expect(arrows).toHaveLength(lines.length - 2);
  const known = new Set([...rooms.map(({ id }) => id), ...outside]);
  expect(arrows.flatMap(({ from, to }) => [from, to]).filter((each) => !known.has(each))).toEqual([]);
});

test('data flows as imports go: a room may import the room that its data comes from', () => {
  const between = arrows.filter(({ from, to, acts }) => !acts && !outside.has(from) && !outside.has(to));
  expect(between.length).toBeGreaterThan(8);
  expect(between.filter(({ from, to }) => MAY_IMPORT[to]?.includes(from) !== true)).toEqual([]);
});
