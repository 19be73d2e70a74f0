import { shellLines, shellLineWithin } from '../../model/shell-command.ts';
import type { Finding } from '../model/finding.ts';
import type { Vm } from '../model/vm.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';
import { wrapped } from './wrap.ts';

const GLYPHS: Readonly<Record<Finding['severity'], string>> = { bad: '!!', warn: '! ', info: 'i ' };

/** A finding with its evidence. */
export function findingLine({
  severity,
  text,
  evidence,
}: Pick<Finding, 'severity' | 'text' | 'evidence'>): Line {
  return [
    span(` ${GLYPHS[severity]} `, severity),
    span(displayable(text)),
    span(`  [${displayable(evidence)}]`, severity),
  ];
}

const INDENT = '    ';
const PROMPT = `${INDENT}$ `;
/**
 * With more commands, only the first and the last are shown, to leave room for the charts below; the last one shows
 * all.
 */
const COMMANDS_SHOWN = 3;

/**
 * On one line of at most `width`, with a mark where it is cut. A complete line can be pasted: it is already printable
 * ASCII.
 */
export function commandLine(command: readonly string[] | undefined, width: number): Line {
  if (command === undefined) return [];
  return [span(PROMPT, 'dim'), span(shellLineWithin(command, width - PROMPT.length), 'info')];
}

/** The whole command, wrapped if necessary in a way that a shell accepts. */
function commandLines(command: readonly string[], width: number): Line[] {
  const lines = shellLines(command, width - PROMPT.length);
  return (
    lines?.map((line, index) =>
      index === 0
        ? [span(PROMPT, 'dim'), span(line, 'info')]
        : [span(' '.repeat(PROMPT.length)), span(line, 'info')],
    ) ?? [commandLine(command, width)]
  );
}

function paragraph(label: string, text: string, width: number): Line[] {
  const lines = wrapped(displayable(text), Math.max(20, width - INDENT.length - label.length - 1));
  return lines.map((line, index) => [
    span(`${INDENT}${index === 0 ? label : ' '.repeat(label.length)} `, 'dim'),
    span(line),
  ]);
}

/** Findings of a VM: cause, remedy and cost to others. */
export function findingLines(vm: Vm, width: number): Line[] {
  if (vm.findings.length === 0) return [[span('  no findings', 'ok')]];
  return vm.findings.flatMap((finding) => {
    const { cause, culprits, change, cost, commands } = finding;
    const shown = commands.length > COMMANDS_SHOWN ? [commands[0], commands.at(-1)] : commands;
    return [
      findingLine(finding),
      ...paragraph('cause  ', cause, width),
      ...(culprits.length === 0 ? [] : paragraph('by     ', culprits.slice(0, 5).join(', '), width)),
      ...(change === undefined ? [] : paragraph('change ', change, width)),
      ...(cost === undefined || cost === 'none' ? [] : paragraph('cost   ', cost, width)),
      ...shown.flatMap((command) => (command === undefined ? [] : commandLines(command, width))),
    ].map((line) => fitLine(line, width));
  });
}
