import { terminalText } from '../../model/terminal-text.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import type { Vm } from '../model/vm.ts';
import { exact } from './batch.ts';

/** Columns in the order of a row; new ones are only ever added before `missing`. */
export const CSV_COLUMNS: readonly string[] = ['time', ...vmColumns.map(({ id }) => id), 'missing'];

export function csvHeader(): string {
  return `${CSV_COLUMNS.join(',')}\n`;
}

/** One row per VM. A figure that is missing is empty, and `missing` says why: `wait_percent=not_reported;...`. */
export function csvRow(vm: Vm, atMs: number): string {
  const missing: string[] = [];
  const fields = vmColumns.map((column) => {
    const value = exact(column, vm);
    if (value === undefined) missing.push(`${column.id}=${column.why?.(vm) ?? 'not_reported'}`);
    return value === undefined ? '' : String(value);
  });
  return `${[new Date(atMs).toISOString(), ...fields, missing.join(';')].map(field).join(',')}\n`;
}

/**
 * RFC 4180. A VM's name may begin with what a spreadsheet would run as a formula, or hold controls: the first
 * gets a quote before it (OWASP, "CSV injection"), the others are written out.
 */
function field(text: string): string {
  const safe = terminalText(text);
  const inert = /^[=+@]|^-(?!\d+(\.\d+)?$)/.test(safe) ? `'${safe}` : safe;
  return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
