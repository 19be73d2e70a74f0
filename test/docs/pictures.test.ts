import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtDashboards } from '../dashboards/built.ts';

const FOLDER = 'docs/images/dashboards';
const pictures = readdirSync(FOLDER).map((name): [string, string] => [
  name.replace('.svg', ''),
  readFileSync(join(FOLDER, name), 'utf8'),
]);

test('each page has its picture', () => {
  expect(pictures.map(([page]) => page).sort()).toEqual([...builtDashboards().keys()].sort());
});

test.each(pictures)('the picture of %s has every panel of the page, and cuts no name', (page, svg) => {
  const panels = builtDashboards().get(page)?.panels ?? [];
  const texts = [...svg.matchAll(/>([^<]+)<\/text>/g)].map((match) => match[1] ?? '');
  const missing = panels.map(({ type, title }) => (type === 'row' ? `▾ ${title}` : title));
  expect(missing.filter((title) => !texts.includes(title))).toEqual([]);
  expect(texts.filter((text) => text.includes('…'))).toEqual([]);
});

test.each(pictures)('the graphs in the picture of %s are of a whole hour', (_, svg) => {
  const shares = graphsOf(svg).map(({ x, width, top, bottom }) => {
    const inside = curvesOf(svg).filter(
      ([left, y]) => left >= x - 1 && left <= x + width && y >= top - 1 && y <= bottom + 1,
    );
    return covered(inside.map(([left, , right]) => [left, right] as const)) / width;
  });
  expect(shares.length).toBeGreaterThan(0);
  // Some show rare events such as failed calls, or the highest among equals.
  expect(shares.filter((share) => share < 0.9).length).toBeLessThanOrEqual(shares.length / 4);
});

/** The length that is covered by at least one of these. */
function covered(pieces: readonly (readonly [from: number, to: number])[]): number {
  let end = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const [from, to] of pieces.toSorted(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}

interface Graph {
  readonly x: number;
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
}

/** Graphs, found by the four lines of their grids. */
function graphsOf(svg: string): Graph[] {
  const lines = [...svg.matchAll(/d="M([\d.]+) ([\d.]+)h([\d.]+)" stroke="#2c3235"/g)].map((match) =>
    match.slice(1).map(Number),
  );
  return lines.flatMap(([x = 0, top = 0, width = 0], index) => {
    const four = lines.slice(index, index + 4);
    const isGrid = four.length === 4 && four.every((each) => each[0] === x && each[2] === width);
    return isGrid ? [{ x, width, top, bottom: four[3]?.[1] ?? top }] : [];
  });
}

/** Start and end of curves and areas. */
function curvesOf(svg: string): (readonly [left: number, y: number, right: number])[] {
  return [...svg.matchAll(/d="M([\d.]+) ([\d.]+)(L[^"]+)"/g)].map((match) => {
    const xs = [...(match[3] ?? '').matchAll(/L([\d.]+) /g)].map((each) => Number(each[1]));
    return [Number(match[1]), Number(match[2]), Math.max(...xs)] as const;
  });
}
