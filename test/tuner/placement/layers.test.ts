import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../../tuner/placement');

/** The files of the folder that each file imports, including types. */
const imports = new Map(
  readdirSync(FOLDER).map((file) => {
    const text = readFileSync(join(FOLDER, file), 'utf8');
    return [file, [...text.matchAll(/from '\.\/([^']+)'/g)].map(([, target]) => target as string)];
  }),
);

/** An import cycle from `path` to itself; undefined if there is none. */
function circle(path: readonly string[]): readonly string[] | undefined {
  const last = path.at(-1) as string;
  if (path.indexOf(last) < path.length - 1) return path.slice(path.indexOf(last));
  return imports
    .get(last)
    ?.map((next) => circle([...path, next]))
    .find((found) => found !== undefined);
}

test('files of tuner/placement import each other in one direction, without circles', () => {
  expect(imports.size).toBeGreaterThan(5);
  expect([...imports.keys()].map((file) => circle([file])).filter((found) => found !== undefined)).toEqual(
    [],
  );
});
