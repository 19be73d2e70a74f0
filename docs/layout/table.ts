import { type Box, type Mapping, type Panel, type Step, stepColour } from './panel.ts';
import type { Figures } from './prometheus.ts';
import { COLOURS, element, named, text } from './svg.ts';
import { formatValue } from './units.ts';

const LINE = 18;
const COLUMN_GAP = 12;
/** Of a letter of a title, and of a cell. */
const TITLE_WIDTH = 5.8;
const LETTER_WIDTH = 5.4;

interface Column {
  readonly title: string;
  /** Of a label, or of a query's value. */
  readonly key: string;
  readonly unit: string | undefined;
  readonly steps: readonly Step[] | undefined;
  readonly words: Mapping | undefined;
}

/** Rows merged from all queries by their labels, in the columns that the panel orders. */
export async function drawTable(panel: Panel, box: Box, figures: Figures): Promise<string> {
  const columns = columnsOf(panel);
  const rows = await rowsOf(panel, figures);
  // A label that no row has makes no column.
  const shown = columns.filter(({ key }) => rows.some((row) => row.has(key)));
  if (rows.length === 0) {
    return text(box.x + box.width / 2, box.y + box.height / 2, 'no data', {
      anchor: 'middle',
      colour: COLOURS.faint,
    });
  }
  const fit = Math.max(1, Math.floor(box.height / LINE) - 1);
  const cells = [...rows].sort(byLastColumns(columns)).slice(0, fit);
  const places = placesOf(shown, cells, box);
  return [
    ...shown.map(({ title }, index) =>
      text(places[index]?.x ?? box.x, box.y + 11, title, {
        size: 10,
        weight: 600,
        fits: Math.round((places[index]?.width ?? 0) / TITLE_WIDTH),
      }),
    ),
    element('path', { d: `M${box.x} ${box.y + 16}h${box.width}`, stroke: COLOURS.border }),
    ...cells.flatMap((row, line) =>
      shown.map((column, index) => {
        const { x, width } = places[index] ?? box;
        return cell(column, row, x, box.y + 30 + line * LINE, width);
      }),
    ),
  ].join('');
}

/** Each as wide as its longest cell, or all of them narrower where that is too much. */
function placesOf(
  columns: readonly Column[],
  rows: readonly Row[],
  box: Box,
): readonly { readonly x: number; readonly width: number }[] {
  const wanted = columns.map((column) =>
    Math.max(
      column.title.length * TITLE_WIDTH,
      ...rows.map((row) => wordsOf(column, row.get(column.key)).words.length * LETTER_WIDTH),
    ),
  );
  const sum = wanted.reduce((total, width) => total + width + COLUMN_GAP, 0);
  const scale = box.width / sum;
  let x = box.x;
  return wanted.map((width) => {
    const place = { x, width: width * Math.min(1, scale) };
    x += (width + COLUMN_GAP) * scale;
    return place;
  });
}

type Row = ReadonlyMap<string, string | number>;

async function rowsOf(panel: Panel, figures: Figures): Promise<Row[]> {
  const targets = panel.targets ?? [];
  const merged = new Map<string, Map<string, string | number>>();
  for (const [index, { expr }] of targets.entries()) {
    const value = targets.length === 1 ? 'Value' : `Value #${String.fromCharCode(65 + index)}`;
    for (const series of await figures.now(expr)) {
      const key = JSON.stringify(series.metric);
      const row = merged.get(key) ?? new Map<string, string | number>(Object.entries(series.metric));
      row.set(value, series.value);
      merged.set(key, row);
    }
  }
  return [...merged.values()];
}

function columnsOf({ transformations, fieldConfig }: Panel): Column[] {
  const options = transformations?.find(({ id }) => id === 'organize')?.options;
  const order = Object.entries(options?.indexByName ?? {}).sort(([, a], [, b]) => a - b);
  return order.flatMap(([key]): Column[] => {
    const title = options?.renameByName?.[key] ?? key;
    const own = (fieldConfig?.overrides ?? [])
      .filter(({ matcher }) => matcher.options === title)
      .flatMap(({ properties }) => properties);
    const property = (id: string): unknown => own.find((each) => each.id === id)?.value;
    if (property('custom.hidden') === true) return [];
    const column = {
      title,
      key,
      unit: property('unit') as string | undefined,
      steps: (property('thresholds') as { steps: readonly Step[] } | undefined)?.steps,
      words: (property('mappings') as readonly Mapping[] | undefined)?.[0],
    };
    return [column];
  });
}

/** By the first column of values, the highest first. */
function byLastColumns(columns: readonly Column[]): (a: Row, b: Row) => number {
  const first = columns.find(({ key }) => key.startsWith('Value'))?.key ?? '';
  return (a, b) => Number(b.get(first) ?? -1) - Number(a.get(first) ?? -1);
}

function cell(column: Column, row: Row, x: number, y: number, width: number): string {
  const { words, colour } = wordsOf(column, row.get(column.key));
  if (words === '') return '';
  return text(x, y, words, {
    size: 10,
    ...(colour !== undefined && { colour }),
    fits: Math.round(width / LETTER_WIDTH),
  });
}

function wordsOf(
  column: Column,
  value: string | number | undefined,
): { words: string; colour: string | undefined } {
  return typeof value === 'number' ? figure(column, value) : { words: value ?? '', colour: undefined };
}

function figure(
  { unit, steps, words }: Column,
  value: number,
): { words: string; colour: string | undefined } {
  const word = words?.options[String(value)];
  if (word !== undefined) return { words: word.text, colour: named(word.color) };
  return {
    words: formatValue(value, unit ?? 'short'),
    colour: steps === undefined ? undefined : named(stepColour(steps, value)),
  };
}
