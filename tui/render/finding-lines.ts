import { shellLines, shellLineWithin } from '../../model/shell-command.ts';
import type { Finding } from '../model/finding.ts';
import type { Vm } from '../model/vm.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';

const GLYPHS: Readonly<Record<Finding['severity'], string>> = { bad: '!!', warn: '! ', info: 'i ' };

/** The finding with the figure that proves it, and the command that would fix it below. */
export function findingLine(finding: Finding): Line {
  return [
    span(` ${GLYPHS[finding.severity]} `, finding.severity),
    span(displayable(finding.text)),
    span(`  [${displayable(finding.evidence)}]`, finding.severity),
  ];
}

const PROMPT = '    $ ';

/** On one line of at most `width`, with a mark where it is cut. What is not cut can be pasted: it is printable ASCII already. */
export function commandLine(finding: Finding, width: number): Line {
  if (finding.command === undefined) return [];
  return [span(PROMPT, 'dim'), span(shellLineWithin(finding.command, width - PROMPT.length), 'info')];
}

/** The whole command, continued on more lines where it has to be, which a shell takes as they are. */
function commandLines(finding: Finding, width: number): Line[] {
  if (finding.command === undefined) return [];
  const lines = shellLines(finding.command, width - PROMPT.length);
  return (
    lines?.map((line, index) =>
      index === 0
        ? [span(PROMPT, 'dim'), span(line, 'info')]
        : [span(' '.repeat(PROMPT.length)), span(line, 'info')],
    ) ?? [commandLine(finding, width)]
  );
}

export function findingLines(vm: Vm, width: number): Line[] {
  if (vm.findings.length === 0) return [[span('  no findings', 'ok')]];
  return vm.findings.flatMap((finding) => [
    fitLine(findingLine(finding), width),
    ...commandLines(finding, width).map((line) => fitLine(line, width)),
  ]);
}
