import { alertGroups } from './rules/alerts/all.ts';
import type { AlertRule, Threshold } from './rules/rule.ts';

const BEGIN = '<!-- thresholds: made by `npm run dashboards`, do not edit -->';
const END = '<!-- /thresholds -->';

/** Inserts the table generated from the rules into the text of docs/alerting-on-overcommit.md. */
export function withThresholdTable(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined)
    throw new RangeError(`docs/alerting-on-overcommit.md has lost its marks ${BEGIN} and ${END}`);
  return `${before}${BEGIN}\n\n${thresholdTable()}\n\n${END}${after}`;
}

function thresholdTable(): string {
  const rows = alertGroups.flatMap(({ alerts }) => alerts).flatMap(rowsOf);
  return [
    '| alert | for | severity | threshold | value | unit | source |',
    '| --- | --- | --- | --- | ---: | --- | --- |',
    ...rows,
  ].join('\n');
}

function rowsOf(rule: AlertRule): string[] {
  const { alert, severity } = rule;
  const head = `| [${alert}](runbooks/${alert}.md) | ${rule.for === '0s' ? '0s' : rule.for} | ${severity} |`;
  const thresholds = Object.entries(rule.thresholds);
  if (thresholds.length === 0) return [`${head} | | | |`];
  return thresholds.map(([name, { value, unit, from }]: [string, Threshold], index) =>
    [index === 0 ? head : '| | | |', ` \`${name}\` | ${value} | ${unit} | ${from} |`].join(''),
  );
}
