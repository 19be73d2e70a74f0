import { terminalText } from '../../model/terminal-text.ts';
import type { TransactionRecord } from '../../tuner/journal/list.ts';
import type { StepProgress } from '../../tuner/journal/progress.ts';
import { readMeasured } from '../../tuner/measure/describe.ts';
import { describeStep } from '../../tuner/steps/describe.ts';
import type { Step } from '../../tuner/steps/step.ts';

/** Describes a transaction: when, where and by which command it began, and how far each of its steps has come. */
export function describeTransaction({ id, header, progress }: TransactionRecord): string[] {
  const { at, hostname, uri, command, version, domains, notes } = header;
  const names = domains.map(
    ({ domain, profile }) => `${JSON.stringify(domain.name)}${profile === undefined ? '' : ` to ${profile}`}`,
  );
  return [
    `transaction ${id}: ${progress.status}`,
    `  begun      ${at} by virtune ${version}`,
    `  on         ${hostname} (${uri})`,
    `  command    ${command}`,
    `  domains    ${names.length === 0 ? 'none' : names.join(', ')}`,
    ...(progress.failure === undefined ? [] : [`  failure    ${progress.failure.message}`]),
    ...(readMeasured(progress.measured)?.text ?? []).map((line) => `  measured   ${line}`),
    ...progress.steps.flatMap(({ step, progress: made }) => describeMade(step, made)),
    ...notes.map((note) => `  note       ${note}`),
  ].map(terminalText);
}

function describeMade(step: Step, made: StepProgress): string[] {
  const word = made.kind.padEnd(10);
  const lines = [`  ${word} ${describeStep(step)}${wasText(step, made)}`];
  const [proofs, error] = [
    made.kind === 'done' ? made.proof : [],
    made.kind === 'undoing' ? made.error : undefined,
  ];
  for (const proof of proofs) lines.push(`${' '.repeat(15)}seen: ${proof}`);
  if (error !== undefined) lines.push(`${' '.repeat(15)}remains: ${error}`);
  if (made.kind === 'undone' && made.note !== undefined) lines.push(`${' '.repeat(15)}${made.note}`);
  return lines;
}

/** The state before a step; definitions are too long for a line, `show --xml` prints them. */
function wasText(step: Step, made: StepProgress): string {
  const begun = made.kind === 'undoing' ? made.before : made;
  if (begun.kind !== 'doing' && begun.kind !== 'done') return '';
  if (step.kind === 'definition' || step.kind === 'restart' || step.kind === 'blockIoTune') return '';
  return `, was ${stateText(begun.was)}`;
}

function stateText(state: unknown): string {
  if (Array.isArray(state)) return state.map((param) => `${param.field} ${param.value}`).join(', ');
  if (state === null) return 'absent';
  // An iothread, as an object with the attributes that it would lose.
  return typeof state === 'object' ? 'present' : String(state);
}
