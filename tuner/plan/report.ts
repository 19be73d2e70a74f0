import { CpuSet } from '../../model/cpu-set.ts';
import { terminalText } from '../../model/terminal-text.ts';
import type { Violation } from '../invariants/violations.ts';
import type { Overlap, Placement, RefusalCode } from '../placement/types.ts';
import type { SettingScope } from '../settings/setting.ts';
import { textTable } from '../text-table.ts';
import type { DomainPlan, HostPlan, Plan } from './plan.ts';
import { reportSharing } from './report-sharing.ts';
import type { Row } from './verdict.ts';

const NOT_SAID = '-';
const HEAD = ['setting', 'of', 'now', 'next boot', 'wanted', 'when', 'knob'];

export interface ReportOptions {
  /** Include unchanged rows. */
  readonly all: boolean;
  /** Show the diff of the definition below each domain. */
  readonly diff: boolean;
}

/** A plan as text for users: what changes, when, and why; what is not possible, and why. */
export function reportPlan(plan: Plan, options: ReportOptions): string {
  return [
    ...reportHost(plan.hostPlan),
    ...plan.domains.flatMap((domain) => reportDomain(domain, options)),
    ...reportSharing(plan),
    ...reportPlacement(plan.placement),
    ...(plan.warnings ?? []).map((text) => terminalText(`warning: ${text}`)),
  ].join('\n');
}

function refusedOr(code: RefusalCode, guest: string): string {
  if (code === 'RATIO_LIMIT') return 'refused';
  return code === 'UNSAFE' ? `refused ${guest}` : `no place for ${guest}`;
}

/** The placement as a whole: VMs without a place, VMs that move, VMs in the way, and whether it is proven. */
export function reportPlacement(placement: Placement): string[] {
  const { refusals, moved, overlaps } = placement;
  return [
    ...refusals.map(
      ({ guest, code, text, next }) =>
        `${refusedOr(code, guest)}: ${text} (${code})${next === undefined ? '' : `; ${next}`}`,
    ),
    ...moved.map((guest) => `${guest} moves to other CPUs`),
    ...(placement.repinned ?? []).map(
      (guest) =>
        `${guest} moves to other CPUs of its cells, which frees CPUs for VMs that share; its memory does not move`,
    ),
    ...inTheWay(overlaps),
    ...unproven(placement),
  ].map(terminalText);
}

function unproven({ proven, refusals }: Placement): string[] {
  if (proven) return [];
  const final = refusals.length === 0 ? '' : ', and refused VMs may fit';
  return [
    `this is the best placement found; not all combinations were tried, so a better one may exist${final}`,
  ];
}

/** VMs that float over the same CPUs share a line: on most hosts these are all the others. */
function inTheWay(overlaps: readonly Overlap[]): string[] {
  const alike = new Map<string, string[]>();
  for (const { guest, cpus, with: others } of overlaps) {
    const what = `may still run on CPUs ${cpus}, which are dedicated to ${others.join(', ')}`;
    alike.set(what, [...(alike.get(what) ?? []), guest]);
  }
  return [...alike].map(
    ([what, guests]) =>
      `${guests.join(', ')} ${what}; assign a profile to them too, or pin them to other CPUs`,
  );
}

function reportHost({ rows }: HostPlan): string[] {
  if (rows.length === 0) return [];
  const table = rows.map((row) => [row.what, row.now ?? '?', row.wanted, HOST_WHEN[row.verdict]]);
  const hints = rows.flatMap(({ what, next }) =>
    next === undefined ? [] : [terminalText(`${what}: ${next}`)],
  );
  return [
    'host',
    ...indent(textTable(['what', 'now', 'wanted', 'when'], table)),
    ...section('hints', hints),
    '',
  ];
}

const HOST_WHEN = {
  same: 'unchanged',
  live: 'now',
  mismatch: 'manual',
  impossible: 'unsupported',
  unknown: 'unknown',
} as const;

function reportDomain(plan: DomainPlan, { all, diff }: ReportOptions): string[] {
  const { state, profile, rows } = plan;
  const running = state.live === undefined ? 'not running' : 'running';
  const persistent = state.inactive === undefined ? ', transient' : '';
  const title = `${terminalText(state.domain.name)} (${running}${persistent}), profile ${profile.name}`;
  const shown = rows.filter(({ verdict }) => all || verdict.kind !== 'same');
  if (shown.length === 0 && plan.violations.length === 0)
    return [`${title}: all ${rows.length} settings are in place`, ''];
  const table = textTable(HEAD, fold(shown, state.live !== undefined));
  return [
    title,
    ...indent(table),
    ...indent(summary(plan)),
    ...section('why', reasons(shown)),
    ...section('unsupported, or needs guest change', obstacles(shown)),
    ...section('safety', plan.violations.map(violationText)),
    ...section('left unchanged', plan.left.map(terminalText)),
    ...(diff && plan.definition !== undefined
      ? section('definition', plan.definition.diff.trimEnd().split('\n').map(terminalText))
      : []),
    '',
  ];
}

/** One line for one violation. */
export function violationText({ code, text, next, level, created }: Violation): string {
  const word = level === 'warn' ? 'warning' : created ? 'refused' : 'already unsafe';
  return terminalText(`${word}: ${text} (${code})${next === undefined ? '' : `; ${next}`}`);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...indent(indent(lines))];
}

function summary({ rows, needsRestart, steps }: DomainPlan): string[] {
  const count = (kind: Row['verdict']['kind']): number =>
    rows.filter(({ verdict }) => verdict.kind === kind).length;
  const parts = [
    `${count('live')} now`,
    `${count('boot')} at the next boot`,
    `${count('guest')} after a guest change`,
    `${count('impossible')} unsupported`,
    `${count('same')} unchanged`,
  ].filter((part) => !part.startsWith('0 '));
  const hint =
    needsRestart && !steps.some(({ kind }) => kind === 'restart')
      ? ['apply --restart restarts the domain to apply boot-time settings now']
      : [];
  return [parts.join(', '), ...hint];
}

/** A setting of several vCPUs or iothreads is one line: `0-3` and their values in order. */
function fold(rows: readonly Row[], running: boolean): string[][] {
  const lines: string[][] = [];
  for (let at = 0; at < rows.length; ) {
    const first = rows[at] as Row;
    let end = at + 1;
    while (end < rows.length && foldsWith(first, rows[end] as Row)) end++;
    const run = rows.slice(at, end);
    const column = (read: (row: Row) => string | undefined): string => {
      const values = run.map((row) => read(row) ?? NOT_SAID);
      return values.every((value) => value === values[0]) ? (values[0] as string) : values.join(' ');
    };
    lines.push([
      first.wish.setting.id,
      targets(run),
      running ? column(({ live }) => live) : '',
      column(({ next }) => next),
      column(({ wish }) => wish.value),
      when(first),
      first.wish.knob,
    ]);
    at = end;
  }
  return lines;
}

function targets(rows: readonly Row[]): string {
  const [first] = rows;
  if (rows.length === 1 && first !== undefined) return first.wish.target;
  return CpuSet.of(rows.map(({ wish }) => Number(wish.target))).toString();
}

/** Scopes whose targets differ only by a number. */
const NUMBERED: readonly SettingScope[] = ['vcpu', 'iothread', 'cell'];

function foldsWith(first: Row, other: Row): boolean {
  return (
    NUMBERED.includes(first.wish.setting.on) &&
    other.wish.setting === first.wish.setting &&
    other.verdict.kind === first.verdict.kind &&
    other.wish.knob === first.wish.knob
  );
}

function when({ verdict }: Row): string {
  switch (verdict.kind) {
    case 'same':
      return 'unchanged';
    case 'live':
      return 'now';
    case 'boot':
      return 'next boot';
    case 'guest':
      return 'needs guest change';
    case 'impossible':
      return 'unsupported';
  }
}

function reasons(rows: readonly Row[]): string[] {
  const byKnob = new Map(rows.map(({ wish }) => [wish.knob, `${wish.knob}: ${wish.why} [${wish.source}]`]));
  return [...byKnob.values()].map(terminalText);
}

function obstacles(rows: readonly Row[]): string[] {
  return rows.flatMap(({ wish, verdict }) => {
    const of = wish.target === '' ? '' : ` of ${wish.target}`;
    if (verdict.kind === 'guest') {
      return [
        `${wish.setting.id}${of}: ${verdict.needs}; when this is done, use --accept ${wish.setting.id}`,
      ].map(terminalText);
    }
    if (verdict.kind !== 'impossible') return [];
    const { code, text, next } = verdict.problem;
    return [
      terminalText(`${wish.setting.id}${of}: ${text} (${code})${next === undefined ? '' : `; ${next}`}`),
    ];
  });
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
