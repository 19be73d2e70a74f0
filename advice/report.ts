import { formatSeconds } from '../model/duration.ts';
import { percent } from '../model/format.ts';
import { shellLine } from '../model/shell-command.ts';
import { terminalText } from '../model/terminal-text.ts';
import type { Advice, Affected, Evidence, Remedy } from './advice.ts';
import { numberText } from './amounts.ts';
import type { Answer } from './answer.ts';
import type { HostObservation } from './observation.ts';

const LABEL = 13;
const SHOWN_VMS = 5;
const SHOWN_STEPS = 6;

/** Path of a kind's page, in the source tree and in the package. */
export const pageOf = (kind: Advice['kind']): string => `docs/advice/${kind}.md`;

/** What an answer is based on. */
export type Observed = Pick<HostObservation, 'samples' | 'fromMs' | 'toMs'> & {
  readonly vms: readonly { readonly running: boolean }[];
};

/** The ranked list as text for a terminal. `whole`: every VM, every command and every alternative. */
export function reportAnswer(
  name: string,
  observation: Observed,
  answer: Answer,
  { whole = false }: { readonly whole?: boolean } = {},
): string {
  const vms = observation.vms.filter(({ running }) => running).length;
  const head = `${terminalText(name)}: ${count(vms, 'running VM')}, ${count(observation.samples, 'sample')} in ${spanText(observation)}`;
  const unknown = answer.unknown.map((text) => `unknown    ${terminalText(text)}`);
  return `${[
    head,
    ...(answer.state === 'nothing to do' ? ['nothing to do'] : []),
    ...(answer.askAgainAfterSeconds === undefined
      ? []
      : [
          `not enough evidence${answer.advice.length === 0 ? '' : ' of load; what follows is from definitions and states'}: ask again with --for ${formatSeconds(answer.askAgainAfterSeconds)}`,
        ]),
    ...answer.advice.flatMap((advice, index) => ['', ...reportAdvice(advice, index + 1, whole)]),
    ...(unknown.length === 0 ? [] : ['', ...unknown]),
  ].join('\n')}\n`;
}

function reportAdvice(advice: Advice, rank: number, whole: boolean): string[] {
  const { severity, title, evidence, victims, cause, culprits, remedies, id, kind } = advice;
  const alternatives = whole ? remedies.slice(1) : remedies.slice(1, 2);
  return [
    `${rank}. ${severity}: ${terminalText(title)}`,
    ...evidence.map((each) => line('evidence', evidenceText(each))),
    ...(victims.length === 0 ? [] : [line('VMs', listText(victims, whole))]),
    line('cause', terminalText(cause)),
    ...(culprits.length === 0 ? [] : [line('culprits', listText(culprits, whole))]),
    ...(remedies[0] === undefined
      ? [line('change', 'none is proposed')]
      : remedyLines('change', remedies[0], id, whole)),
    ...alternatives.flatMap((each) => remedyLines('or', each, id, whole)),
    line('more', `${shellLine(['virtune', 'advise', '--explain', id])}, ${pageOf(kind)}`),
  ];
}

function remedyLines(label: string, remedy: Remedy, id: string, whole: boolean): string[] {
  const { change, steps, cost, gain, risk, effect } = remedy;
  const shown = whole ? steps : steps.slice(0, SHOWN_STEPS);
  const left = steps.length - shown.length;
  return [
    line(label, terminalText(change)),
    ...shown.map(({ argv }) => line('', `$ ${shellLine(argv)}`)),
    ...(left === 0
      ? []
      : [
          line(
            '',
            `and ${count(left, 'more command')}: ${shellLine(['virtune', 'advise', '--explain', id])}`,
          ),
        ]),
    line('  cost', terminalText(cost)),
    line('  gain', terminalText(gain)),
    line('  risk', `${terminalText(risk)}; takes effect: ${effect}`),
  ];
}

const line = (label: string, text: string): string => `   ${label.padEnd(LABEL - 3)}${text}`;

function listText(vms: readonly Affected[], whole: boolean): string {
  const shown = whole ? vms : vms.slice(0, SHOWN_VMS);
  const left = vms.length - shown.length;
  const texts = shown.map(({ name, evidence }) => `${terminalText(name)} (${terminalText(evidence)})`);
  return `${texts.join(', ')}${left === 0 ? '' : ` and ${left} more`}`;
}

/** `CPU steal 23.1 % (median of 60 samples in 2m, above 5 % in 97 % of them)` */
function evidenceText({ figure, statistic, value, unit, samples, spanMs, above }: Evidence): string {
  const text = `${terminalText(figure)} ${numberText(value)}${unit === '' ? '' : ` ${unit}`}`;
  if (statistic === 'fact') return text;
  const limit =
    above === undefined
      ? ''
      : `, above ${numberText(above.limit)} ${unit} in ${percent(100 * above.share)} % of them`;
  return `${text} (${statistic} of ${count(samples, 'sample')} in ${formatSeconds(Math.round(spanMs / 1_000))}${limit})`;
}

function spanText({ fromMs, toMs }: Observed): string {
  return formatSeconds(Math.max(0, Math.round((toMs - fromMs) / 1_000)));
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
