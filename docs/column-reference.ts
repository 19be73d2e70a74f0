import { diskColumns } from '../tui/columns/disk-columns.ts';
import { nicColumns } from '../tui/columns/nic-columns.ts';
import { vmColumns } from '../tui/columns/vm-columns.ts';
import { REASONS } from '../tui/model/reasons.ts';
import { BINDINGS } from '../tui/state/bindings.ts';
import type { AnyColumn } from '../tui/state/views.ts';

const BEGIN = /(<!-- (\w+): made by npm run docs -->\n)[\s\S]*?(<!-- end -->)/g;

/** The page with its tables generated from the columns of the console. */
export function withTables(page: string): string {
  return page.replaceAll(BEGIN, (_, begin: string, name: string, end: string) => {
    const table = TABLES[name];
    if (table === undefined) throw new Error(`docs/top.md wants a table "${name}", and there is none`);
    return `${begin}\n${table()}\n\n${end}`;
  });
}

const TABLES: Readonly<Record<string, () => string>> = {
  vms: () => columnTable(vmColumns),
  disks: () => columnTable(diskColumns),
  nics: () => columnTable(nicColumns),
  keys: keyTable,
  reasons: reasonTable,
};

function columnTable(columns: readonly AnyColumn[]): string {
  return table(
    ['column', 'on screen', 'unit', 'what it is', 'from'],
    columns.map(({ id, aliases = [], title, unit, help, metrics }) => [
      [id, ...aliases].map((name) => `\`${name}\``).join(', '),
      title,
      unit.replaceAll('_', ' '),
      help,
      metrics.map((name) => `\`${name}\``).join(', '),
    ]),
  );
}

function keyTable(): string {
  const rows = BINDINGS.filter(({ help }) => help !== '');
  return table(
    ['key', 'what it does'],
    rows.map(({ shown, help }) => [
      shown
        .split(' ')
        .map((key) => `\`${key}\``)
        .join(' '),
      help,
    ]),
  );
}

function reasonTable(): string {
  return table(
    ['in JSON and CSV', 'in a column', 'why'],
    Object.entries(REASONS).map(([reason, { short, text }]) => [`\`${reason}\``, `\`${short}\``, text]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}
