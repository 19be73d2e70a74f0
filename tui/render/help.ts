import { diskColumns } from '../columns/disk-columns.ts';
import { nicColumns } from '../columns/nic-columns.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import { REASONS } from '../model/reasons.ts';
import { BINDINGS } from '../state/bindings.ts';
import { COMMANDS } from '../state/commands.ts';
import { fit } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { type Line, span } from '../text/line.ts';
import { wrapped } from './wrap.ts';

interface Entry {
  readonly name: string;
  readonly text: string;
}

const SECTIONS: readonly {
  readonly title: string;
  readonly width: number;
  readonly entries: readonly Entry[];
}[] = [
  ...(['Views', 'Move', 'Sort and filter', 'Rows', 'Time', 'Console'] as const).map((group) => ({
    title: group,
    width: 12,
    entries: BINDINGS.filter((binding) => binding.group === group && binding.help !== '').map(
      ({ shown, help }) => ({
        name: shown,
        text: help,
      }),
    ),
  })),
  {
    title: 'Mouse',
    width: 12,
    entries: [
      { name: 'click', text: 'on a column: sort; on a row: select, again: details; on a view: open it' },
      { name: 'wheel', text: 'scroll' },
    ],
  },
  {
    title: 'Commands, after :',
    width: 32,
    entries: COMMANDS.map(({ usage, help }) => ({ name: usage, text: help })),
  },
  ...(
    [
      ['Columns of VMs', vmColumns],
      ['Columns of disks', diskColumns],
      ['Columns of NICs', nicColumns],
    ] as const
  ).map(([title, columns]) => ({
    title,
    width: 42,
    entries: columns.map((column) => ({
      name: `${column.title}  ${column.id}`,
      text: `${column.help}${column.aliases === undefined ? '' : ` Also: ${column.aliases.join(', ')}.`}`,
    })),
  })),
  {
    title: 'Why a figure is missing',
    width: 12,
    entries: [
      ...new Map(
        Object.values(REASONS).map(({ short, text }) => [`${short} ${text}`, { name: short, text }]),
      ).values(),
    ],
  },
];

/** Keys, commands, columns and reasons; with a query only those lines that have it. */
export function helpView(query: string, width: number): Line[] {
  const wanted = query.trim().toLowerCase();
  const lines: Line[] = [
    [
      span(' virtune top: help', 'title'),
      span(wanted === '' ? '   / searches' : `   lines with "${displayable(query)}"`, 'dim'),
    ],
  ];
  for (const { title, entries, width: nameWidth } of SECTIONS) {
    const found = entries.filter(
      ({ name, text }) => wanted === '' || `${title} ${name} ${text}`.toLowerCase().includes(wanted),
    );
    if (found.length === 0) continue;
    lines.push([], [span(` ${title}`, 'tabOn')]);
    const room = Math.min(nameWidth, Math.floor(width / 2));
    for (const { name, text } of found) {
      wrapped(text, Math.max(20, width - room - 4)).forEach((part, index) => {
        lines.push([span(`  ${fit(index === 0 ? name : '', room)} `, 'key'), span(part)]);
      });
    }
  }
  if (lines.length === 1) lines.push([], [span('  no match', 'dim')]);
  return lines;
}
