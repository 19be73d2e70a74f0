import { vmColumns } from '../columns/vm-columns.ts';
import { parseFilter } from '../model/filter.ts';
import type { Severity } from '../model/finding.ts';
import { shortened } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { type Line, span } from '../text/line.ts';
import type { Context } from './context.ts';
import { commandLine, findingLine } from './finding-lines.ts';

export interface FindingBlock {
  readonly key: string;
  readonly vmKey: string;
  /** Two: what is so, and the command for it; details have all of one that does not fit. */
  readonly lines: readonly Line[];
}

const ORDER: Readonly<Record<Severity, number>> = { bad: 0, warn: 1, info: 2 };

/** Of all VMs that pass the filter, the worst first. */
export function findingsView({ scene, state, size }: Context): FindingBlock[] {
  let passes: (vm: (typeof scene.vms)[number]) => boolean = () => true;
  try {
    passes = parseFilter(state.filter, vmColumns, (vm) => vm.name);
  } catch {
    // The footer says what is wrong with it.
  }
  const several = scene.hosts.length > 1;
  return scene.vms
    .filter((vm) => passes(vm) && (!state.onlyTagged || state.tagged.has(vm.key)))
    .flatMap((vm) => vm.findings.map((finding, index) => ({ vm, finding, index })))
    .sort((a, b) => ORDER[a.finding.severity] - ORDER[b.finding.severity] || (a.vm.name < b.vm.name ? -1 : 1))
    .map(({ vm, finding, index }) => {
      const name = shortened(displayable(vm.name), 32);
      const host = several ? [span(`${shortened(displayable(vm.host), 16)} `, 'dim')] : [];
      return {
        key: `${vm.key}/${finding.rule}/${index}`,
        vmKey: vm.key,
        lines: [
          [span(' '), ...host, span(name, 'title'), ...findingLine(finding)],
          commandLine(finding, size.width),
        ],
      };
    });
}
