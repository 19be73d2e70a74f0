import type { Advice } from '../../advice/advice.ts';
import { vmColumns } from '../columns/vm-columns.ts';
import { explain } from '../model/finding.ts';
import type { HostView } from '../model/host-view.ts';
import type { Vm } from '../model/vm.ts';
import { shortened } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { type Line, span } from '../text/line.ts';
import type { Context } from './context.ts';
import { commandLine, findingLine } from './finding-lines.ts';
import { filterOf } from './table.ts';

export interface FindingBlock {
  readonly key: string;
  /**
   * The VM whose detail view shows it in full: the worst victim, else a culprit; empty when it is about the host alone.
   */
  readonly vmKey: string;
  /** The problem and its VMs, the remedy, and the first command for it. */
  readonly lines: readonly Line[];
  /** The commands, for the clipboard. */
  readonly commands: readonly (readonly string[])[];
}

/** Lines of each block. */
export const LINES_PER_FINDING = 3;
const NAMES_SHOWN = 2;

/** Advice for all hosts by impact: one block per cause, however many VMs it affects. */
export function findingsView(context: Context): FindingBlock[] {
  const { scene } = context;
  const shows = visibleVms(context);
  return scene.hosts
    .flatMap((host) => host.advice.all.map((advice) => ({ host, advice })))
    .toSorted((a, b) => b.advice.harm - a.advice.harm || ORDER[a.advice.severity] - ORDER[b.advice.severity])
    .flatMap(({ host, advice }) => blockOf(host, advice, shows, context) ?? []);
}

const ORDER: Readonly<Record<Advice['severity'], number>> = { bad: 0, warn: 1, info: 2 };

/** VMs by UUID that pass the filter and are tagged if only those are shown; undefined while all are shown. */
function visibleVms({ state }: Context): ((vm: Vm) => boolean) | undefined {
  if (state.filter === '' && !state.onlyTagged) return undefined;
  // The footer shows an error in the filter.
  const { test: passes } = filterOf(state.filter, vmColumns, (vm) => vm.name);
  return (vm) => passes(vm) && (!state.onlyTagged || state.tagged.has(vm.key));
}

function blockOf(
  host: HostView,
  advice: Advice,
  shows: ((vm: Vm) => boolean) | undefined,
  { scene, size }: Context,
): FindingBlock | undefined {
  const byUuid = new Map(host.vms.map((vm) => [vm.sample.domain.uuid, vm]));
  const concerned = [...advice.victims, ...advice.culprits].flatMap(({ uuid }) => byUuid.get(uuid) ?? []);
  if (shows !== undefined && !concerned.some(shows)) return undefined;
  const [remedy] = advice.remedies;
  const commands = remedy?.steps.map(({ argv }) => argv) ?? [];
  const first = commands[0] ?? explain(advice.id, host.uri);
  const more = commands.length > 1 ? ` (1 of ${commands.length} commands)` : '';
  const several = scene.hosts.length > 1;
  return {
    key: `${host.name}/${advice.id}`,
    vmKey: concerned[0]?.key ?? '',
    commands: commands.length > 0 ? commands : [first],
    lines: [
      [
        span(' '),
        ...(several ? [span(`${shortened(displayable(host.name), 16)} `, 'dim')] : []),
        span(namesOf(advice), 'title'),
        ...findingLine({ ...advice, text: advice.title, evidence: evidenceOf(advice) }),
      ],
      [span(`    ${displayable(remedy?.change ?? 'no change is proposed')}${more}`, 'dim')],
      commandLine(first, size.width),
    ],
  };
}

function namesOf({ victims }: Advice): string {
  const shown = victims.slice(0, NAMES_SHOWN).map(({ name }) => shortened(displayable(name), 24));
  const left = victims.length - shown.length;
  return victims.length === 0 ? 'host' : `${shown.join(', ')}${left === 0 ? '' : ` and ${left} more`}`;
}

function evidenceOf({ victims, evidence }: Advice): string {
  const [worst] = victims;
  const [fact] = evidence;
  if (worst !== undefined) return worst.evidence;
  return fact === undefined ? '' : `${fact.figure} ${Math.round(fact.value * 10) / 10} ${fact.unit}`.trim();
}
