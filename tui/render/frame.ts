import { vmColumns } from '../columns/vm-columns.ts';
import { downHosts, type Scene, vmByKey } from '../model/host-view.ts';
import { REASONS } from '../model/reasons.ts';
import type { Action } from '../state/bindings.ts';
import { selectedIndex } from '../state/rows.ts';
import type { Seen } from '../state/seen.ts';
import type { UiState } from '../state/state.ts';
import { tableOf } from '../state/views.ts';
import { cellsOf, fit } from '../text/cells.ts';
import { fitLine, type Line, span, under } from '../text/line.ts';
import type { Context } from './context.ts';
import { cpuMap } from './cpu-map.ts';
import { detailView } from './detail.ts';
import { findingsView, LINES_PER_FINDING } from './findings-view.ts';
import { type FooterFacts, footer } from './footer.ts';
import { header, statusLines, tabPlaces } from './header.ts';
import { helpView } from './help.ts';
import { hostText } from './host-text.ts';
import { menuBox } from './menu.ts';
import { numaText } from './numa-text.ts';
import { overlaid } from './overlay.ts';
import { columnsThatFit, filterOf, type Table, type TableColumn, tableFor } from './table.ts';

/** A clickable area, in screen cells. */
export interface Hit {
  readonly y: number;
  readonly from: number;
  readonly to: number;
  readonly action: Action | { readonly kind: 'select'; readonly key: string };
}

/** The whole screen: one line per row, each of the full width. */
export interface Frame {
  readonly lines: readonly Line[];
  readonly hits: readonly Hit[];
  readonly seen: Seen;
}

const NOTHING_SEEN: Seen = {
  rows: [],
  vmKeys: [],
  page: 1,
  textMax: 0,
  columns: [],
  charts: 0,
  commands: [],
};

const NO_FACTS: FooterFacts = { row: undefined, columns: [], position: '', filterError: undefined };

/** What scrolls between header and footer. */
interface Body {
  readonly lines: readonly Line[];
  readonly hits: readonly Hit[];
  readonly seen: Seen;
  readonly facts: FooterFacts;
}

/** Draws the console. Pure: the same context gives the same frame. */
export function render(context: Context): Frame {
  const { state, size } = context;
  if (size.width < 20 || size.height < 5) {
    return {
      lines: Array.from({ length: size.height }, (_, y) =>
        fitLine(y === 0 ? [span('too small', 'warn')] : [], size.width),
      ),
      hits: [],
      seen: NOTHING_SEEN,
    };
  }
  const hasTabs = state.mode.kind !== 'help' && state.detail === undefined && !state.zoomed;
  const above = hasTabs ? header(context) : statusLines(context, !state.zoomed);
  const tabsAt = above.length - 1;
  const below = footerLines(context);
  const height = Math.max(1, size.height - above.length - below);
  const body = bodyOf(context, height);
  const bodyHits = body.hits.map((hit) => ({ ...hit, y: hit.y + above.length }));
  const tabHits: Hit[] = !hasTabs
    ? []
    : tabPlaces().map(({ view, from, to }) => ({ y: tabsAt, from, to, action: { kind: 'view', view } }));
  const lines = [
    ...above,
    ...Array.from({ length: height }, (_, y) => fitLine(body.lines[y] ?? [], size.width)),
    ...footer(context, body.facts, below),
  ].slice(0, size.height);
  return {
    lines: overlaid(state.ascii ? lines.map(inAscii) : lines, menuBox(context), size),
    hits: [...tabHits, ...bodyHits],
    seen: body.seen,
  };
}

function footerLines({ state, size }: Context): number {
  if (state.mode.kind === 'prompt') return 2;
  return state.zoomed || size.height < 12 ? 1 : 2;
}

function bodyOf(context: Context, height: number): Body {
  const { state, size } = context;
  if (state.mode.kind === 'help') {
    return scrolledText(helpView(state.mode.query, size.width), state.mode.top, height);
  }
  if (state.detail !== undefined) {
    const { lines, charts, commands } = detailView(context, state.detail, height);
    const body = scrolledText(lines, state.detail.top, height);
    return { ...body, seen: { ...body.seen, charts, commands } };
  }
  const table = tableOf(state.view);
  if (table !== undefined) return tableBody(context, sortedTable(context), height);
  const top = state.top[state.view] ?? 0;
  switch (state.view) {
    case 'cpus':
      return scrolledText(cpuMap(context), top, height);
    case 'numa':
      return scrolledText(numaText(context), top, height);
    case 'host':
      return scrolledText(hostText(context), top, height);
    default:
      return findingsBody(context, height);
  }
}

function scrolledText(text: readonly Line[], top: number, height: number): Body {
  const textMax = Math.max(0, text.length - height);
  const from = Math.min(top, textMax);
  return {
    lines: text.slice(from, from + height),
    hits: [],
    seen: { ...NOTHING_SEEN, page: height, textMax },
    facts: {
      ...NO_FACTS,
      position: textMax === 0 ? '' : `${from + 1}-${Math.min(text.length, from + height)}/${text.length}`,
    },
  };
}

/** Cached, since sorting thousands of rows dominates a frame and most keys do not change the order. */
const tables = new WeakMap<Scene, { readonly state: UiState; readonly table: Table }>();

function sortedTable({ scene, state }: Context): Table {
  const known = tables.get(scene);
  if (known !== undefined && sameRows(known.state, state)) return known.table;
  const table = tableFor(tableOf(state.view) ?? 'vms', scene, state);
  tables.set(scene, { state, table });
  return table;
}

function sameRows(a: UiState, b: UiState): boolean {
  return (
    a.view === b.view &&
    a.sorts === b.sorts &&
    a.filter === b.filter &&
    a.units === b.units &&
    a.hidden === b.hidden &&
    a.onlyTagged === b.onlyTagged &&
    a.mark === b.mark &&
    a.ascii === b.ascii &&
    (!b.onlyTagged || a.tagged === b.tagged)
  );
}

function tableBody(context: Context, table: Table, height: number): Body {
  const { state, size } = context;
  const columns = columnsThatFit(table, size.width - 1, state.left);
  const rows = Math.max(1, height - 1);
  const keys = table.rows.map((row) => row.key);
  const selected = selectedIndex(state, keys);
  const top = Math.max(0, Math.min(state.top[state.view] ?? 0, Math.max(0, table.rows.length - rows)));
  const shownRows = table.rows.slice(top, top + rows);
  const lines: Line[] = [headLine(table, columns, size.width)];
  const hits: Hit[] = headHits(columns);
  const down = new Set(downHosts(context.scene).map(({ name }) => name));
  const isStale = (vmKey: string): boolean =>
    down.size > 0 && down.has(vmByKey(context.scene, vmKey)?.host ?? '');
  shownRows.forEach((row, index) => {
    const isSelected = top + index === selected;
    const mark = state.tagged.has(row.vmKey) ? '*' : isSelected ? '>' : ' ';
    const spans = [span(mark, state.tagged.has(row.vmKey) ? 'tagged' : 'text')];
    for (const column of columns) {
      const { text, role } = row.cell(column.id);
      spans.push(span(`${fit(text, column.width, column.numeric ? 'right' : 'left')} `, role));
    }
    const line = fitLine(spans, size.width);
    lines.push(isSelected ? under(line, 'selected') : isStale(row.vmKey) ? under(line, 'dim') : line);
    hits.push({ y: index + 1, from: 0, to: size.width, action: { kind: 'select', key: row.key } });
  });
  if (table.rows.length === 0) {
    lines.push([
      span(
        table.total === 0 ? '  nothing to show' : `  none of ${table.total} match the filter; \\ clears it`,
        'dim',
      ),
    ]);
  }
  return {
    lines,
    hits,
    seen: {
      ...NOTHING_SEEN,
      rows: keys,
      vmKeys: table.rows.map((row) => row.vmKey),
      page: rows,
      columns: columns.map((column) => column.id),
    },
    facts: {
      row: table.rows[selected],
      columns,
      position: `${Math.min(selected + 1, table.rows.length)}/${table.rows.length}`,
      filterError: table.filterError,
    },
  };
}

function headLine(table: Table, columns: readonly TableColumn[], width: number): Line {
  const spans = [span(' ', 'head')];
  for (const column of columns) {
    const isSorted = column.id === table.sort.column;
    // The arrow replaces the last letter of a title that fills its column.
    const arrow = table.sort.descending ? 'v' : '^';
    const title = isSorted ? `${column.title.slice(0, Math.max(0, column.width - 1))}${arrow}` : column.title;
    spans.push(
      span(fit(title, column.width, column.numeric ? 'right' : 'left'), isSorted ? 'sorted' : 'head'),
      span(' ', 'head'),
    );
  }
  const line = fitLine(spans, width);
  const last = line.at(-1);
  return last !== undefined && last.role === 'text'
    ? [...line.slice(0, -1), { ...last, role: 'head' }]
    : line;
}

function headHits(columns: readonly TableColumn[]): Hit[] {
  let at = 1;
  return columns.map((column) => {
    const from = at;
    at += column.width + 1;
    return { y: 0, from, to: at - 1, action: { kind: 'sort-by', column: column.id } };
  });
}

function findingsBody(context: Context, height: number): Body {
  const { scene, state, size } = context;
  const blocks = findingsView(context);
  const keys = blocks.map((block) => block.key);
  const selected = selectedIndex(state, keys);
  const perBlock = LINES_PER_FINDING;
  const page = Math.max(1, Math.floor(height / perBlock));
  const top = Math.max(0, Math.min(state.top[state.view] ?? 0, Math.max(0, blocks.length - page)));
  const lines: Line[] = [];
  const hits: Hit[] = [];
  blocks.slice(top, top + page).forEach((block, index) => {
    block.lines.forEach((line, offset) => {
      const y = index * perBlock + offset;
      lines.push(top + index === selected ? under(fitLine(line, size.width), 'selected') : line);
      hits.push({ y, from: 0, to: size.width, action: { kind: 'select', key: block.key } });
    });
  });
  if (blocks.length === 0) {
    const isEarly = scene.hosts.some(({ sample, advice }) => sample !== undefined && !advice.isComplete);
    lines.push([span(isEarly ? `  ${REASONS.few_samples.text}` : '  no findings', 'dim')]);
  }
  return {
    lines,
    hits,
    seen: {
      ...NOTHING_SEEN,
      rows: keys,
      vmKeys: blocks.map((block) => block.vmKey),
      page,
      commands: blocks[selected]?.commands ?? [],
    },
    facts: {
      ...NO_FACTS,
      position: `${Math.min(selected + 1, blocks.length)}/${blocks.length}`,
      filterError: filterOf(state.filter, vmColumns, (vm) => vm.name).error,
    },
  };
}

/** Replaces characters that are not ASCII yet, keeping the width. */
function inAscii(line: Line): Line {
  return line.map((piece) =>
    /^[ -~]*$/.test(piece.text)
      ? piece
      : {
          ...piece,
          text: cellsOf(piece.text)
            .map(({ text, width }) => (/^[ -~]$/.test(text) ? text : '?'.repeat(width)))
            .join(''),
        },
  );
}
