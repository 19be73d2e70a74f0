import type { Finding } from '../model/findings.ts';
import { shellLine } from '../model/shell.ts';
import type { Vm } from '../model/vm.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';

const GLYPHS: Readonly<Record<Finding['severity'], string>> = { bad: '!!', warn: '! ', info: 'i ' };

/** The finding with the figure that proves it, and the command that would mend it below. */
export function findingLine(finding: Finding): Line {
  return [
    span(` ${GLYPHS[finding.severity]} `, finding.severity),
    span(displayable(finding.text)),
    span(`  [${displayable(finding.evidence)}]`, finding.severity),
  ];
}

/** What is shown can be pasted: quoted for a shell, it is printable ASCII already. */
export function commandLine(finding: Finding): Line {
  return finding.command === undefined
    ? []
    : [span('    $ ', 'dim'), span(shellLine(finding.command), 'info')];
}

export function findingLines(vm: Vm, width: number): Line[] {
  if (vm.findings.length === 0) return [[span('  nothing remarkable', 'ok')]];
  return vm.findings.flatMap((finding) => [
    fitLine(findingLine(finding), width),
    ...(finding.command === undefined ? [] : [fitLine(commandLine(finding), width)]),
  ]);
}
