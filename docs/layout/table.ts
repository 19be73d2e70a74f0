import { type Box, type Mapping, type Panel, type Step, stepColour } from './panel.ts';
import type { Figures } from './prometheus.ts';
import { COLOURS, element, named, text } from './svg.ts';
import { formatValue } from './units.ts';

const LINE = 18;

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
  if (rows.length === 0) {
    return text(box.x + box.width / 2, box.y + box.height / 2, 'no data', {
      anchor: 'middle',
      colour: COLOURS.faint,
    });
  }
  const width = box.width / Math.max(1, columns.length);
  const fit = Math.max(1, Math.floor(box.height / LINE) - 1);
  const cells = [...rows].sort(byLastColumns(columns)).slice(0, fit);
  return [
    ...columns.map(({ title }, index) =>
      text(box.x + index * width, box.y + 11, title, { size: 10, weight: 600, fits: width / 6 }),
    ),
    element('path', { d: `M${box.x} ${box.y + 16}h${box.width}`, stroke: COLOURS.border }),
    ...cells.flatMap((row, line) =>
      columns.map((column, index) =>
        cell(column, row, box.x + index * width, box.y + 30 + line * LINE, width),
      ),
    ),
  ].join('');
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
  return order.map(([key]) => {
    const title = options?.renameByName?.[key] ?? key;
    const own = (fieldConfig?.overrides ?? [])
      .filter(({ matcher }) => matcher.options === title)
      .flatMap(({ properties }) => properties);
    const property = (id: string): unknown => own.find((each) => each.id === id)?.value;
    return {
      title,
      key,
      unit: property('unit') as string | undefined,
      steps: (property('thresholds') as { steps: readonly Step[] } | undefined)?.steps,
      words: (property('mappings') as readonly Mapping[] | undefined)?.[0],
    };
  });
}

/** By the first column of values, the highest first. */
function byLastColumns(columns: readonly Column[]): (a: Row, b: Row) => number {
  const first = columns.find(({ key }) => key.startsWith('Value'))?.key ?? '';
  return (a, b) => Number(b.get(first) ?? -1) - Number(a.get(first) ?? -1);
}

function cell(column: Column, row: Row, x: number, y: number, width: number): string {
  const value = row.get(column.key);
  if (value === undefined) return '';
  const { words, colour } =
    typeof value === 'number' ? figure(column, value) : { words: value, colour: undefined };
  return text(x, y, words, { size: 10, ...(colour !== undefined && { colour }), fits: width / 6 });
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
