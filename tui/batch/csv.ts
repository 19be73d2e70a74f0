import { terminalText } from '../../model/terminal-text.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import type { Vm } from '../model/vm.ts';
import { rounded } from './batch.ts';

/** Columns in order; new ones are only ever inserted before `missing`. */
export const CSV_COLUMNS: readonly string[] = ['time', ...vmColumns.map(({ id }) => id), 'missing'];

export function csvHeader(): string {
  return `${CSV_COLUMNS.join(',')}\n`;
}

/** One row per VM. Missing values are empty, and `missing` has the reasons: `wait_percent=not_reported;...`. */
export function csvRow(vm: Vm, atMs: number): string {
  const missing: string[] = [];
  const fields = vmColumns.map((column) => {
    const value = rounded(column, vm);
    if (value === undefined) missing.push(`${column.id}=${column.why?.(vm) ?? 'not_reported'}`);
    return value === undefined ? '' : String(value);
  });
  return `${[new Date(atMs).toISOString(), ...fields, missing.join(';')].map(field).join(',')}\n`;
}

/**
 * RFC 4180. A VM's name may start with what a spreadsheet would evaluate as a formula, or contain control characters: a
 * quote is put before the former (OWASP, "CSV injection"), the latter are escaped.
 */
function field(text: string): string {
  const safe = terminalText(text);
  const inert = /^[=+@]|^-(?!\d+(\.\d+)?$)/.test(safe) ? `'${safe}` : safe;
  return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
