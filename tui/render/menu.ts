import { menuItems } from '../state/modes.ts';
import { columnsOf, tableOf } from '../state/views.ts';
import { fit } from '../text/cells.ts';
import { type Line, span, under } from '../text/line.ts';
import type { Context } from './context.ts';

const TITLES = { sort: 'Sort by', columns: 'Columns (Space)', theme: 'Theme' } as const;

/** The open menu as a box of lines; undefined when none is open. */
export function menuBox({ state, size }: Context): readonly Line[] | undefined {
  const { mode } = state;
  if (mode.kind !== 'menu') return undefined;
  const items = menuItems(state, mode.menu);
  const table = tableOf(state.view) ?? 'vms';
  const columns = columnsOf(table);
  const hidden = state.hidden[table] ?? [];
  const width = Math.min(size.width - 4, 56);
  const height = Math.max(1, Math.min(items.length, size.height - 6));
  const top = Math.max(0, Math.min(mode.index - (height >> 1), items.length - height));
  const rule = `+${'-'.repeat(width - 2)}+`;
  const lines: Line[] = [
    [span(rule, 'box')],
    [span('|', 'box'), span(fit(` ${TITLES[mode.menu]}`, width - 2), 'title'), span('|', 'box')],
  ];
  items.slice(top, top + height).forEach((item, offset) => {
    const column = columns.find(({ id }) => id === item);
    const check = mode.menu === 'columns' ? (hidden.includes(item) ? '[ ] ' : '[x] ') : '';
    const now =
      mode.menu === 'sort' && state.sorts[table].column === item
        ? state.sorts[table].descending
          ? ' v'
          : ' ^'
        : '';
    const text = column === undefined ? item : `${fit(column.title, 9)} ${item}`;
    const inner = [span(fit(` ${check}${text}${now}`, width - 2))];
    const row = top + offset === mode.index ? under(inner, 'selected') : inner;
    lines.push([span('|', 'box'), ...row, span('|', 'box')]);
  });
  lines.push([span(rule, 'box')]);
  return lines;
}
