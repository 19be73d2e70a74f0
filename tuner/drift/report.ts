import { terminalText } from '../../model/terminal-text.ts';
import { violationText } from '../plan/report.ts';
import { textTable } from '../text-table.ts';
import type { Drift, Standing } from './drift.ts';

const HEAD = ['setting', 'of', 'now', 'next boot', 'wanted', 'where'];

const WHERE: Readonly<Record<Standing, string>> = {
  held: 'in place',
  waits: 'next boot',
  run: 'running domain',
  definition: 'definition',
  unsupported: 'unsupported',
};

/** What has drifted, domain by domain. */
export function reportDrift(drifts: readonly Drift[]): string {
  if (drifts.length === 0) return 'no domain on this host was tuned by virtune';
  return drifts.flatMap(reportOne).join('\n');
}

function reportOne({ plan, rows, count, waiting, unsafe, profileChanged }: Drift): string[] {
  const { state, profile } = plan;
  const name = terminalText(state.domain.name);
  const notes = [
    ...(unsafe.length === 0 ? [] : ['unsafe']),
    ...(waiting === 0 ? [] : [`${waiting} pending until its next boot`]),
    ...(profileChanged ? ['profile changed since it was applied'] : []),
  ];
  const note = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  const violations = plan.violations.map((each) => `  ${violationText(each)}`);
  if (count === 0) return [`${name}: matches ${profile.name}${note}`, ...violations];
  const shown = rows.filter(({ standing }) => standing === 'run' || standing === 'definition');
  const table = textTable(
    HEAD,
    shown.map(({ row, standing }) => [
      row.wish.setting.id,
      row.wish.target,
      state.live === undefined ? '' : (row.live ?? '-'),
      row.next ?? '-',
      row.wish.value ?? '-',
      WHERE[standing],
    ]),
  );
  return [
    `${name}: ${count} settings differ from ${profile.name}${note}`,
    ...table.map((line) => `  ${line}`),
    ...violations,
  ];
}

/** For programs; stable within its `format`. */
export function driftJson(drifts: readonly Drift[]): object {
  return {
    format: 1,
    domains: drifts.map(({ plan, rows, count, waiting, profileChanged }) => ({
      name: plan.state.domain.name,
      uuid: plan.state.domain.uuid,
      running: plan.state.live !== undefined,
      profile: plan.profile,
      profileChanged,
      drifted: count,
      waiting,
      violations: plan.violations.map(({ code, level, text, next }) => ({
        code,
        level,
        text,
        next: next ?? null,
      })),
      rows: rows.map(({ row, standing }) => ({
        setting: row.wish.setting.id,
        target: row.wish.target,
        now: row.live ?? null,
        nextBoot: row.next ?? null,
        wanted: row.wish.value ?? null,
        standing,
      })),
    })),
  };
}
