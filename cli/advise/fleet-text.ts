import type { ClusterVerdict, FleetPlan, HostVerdict, Move } from '../../advice/fleet/plan.ts';
import type { LeftOut } from '../../advice/fleet/read/read-fleet.ts';
import type { Strain } from '../../advice/fleet/strain.ts';
import { formatSeconds } from '../../model/duration.ts';
import { terminalText } from '../../model/terminal-text.ts';
import { textTable } from '../../tuner/text-table.ts';

/** Lines shown per kind; the rest are only counted. JSON has all of them. */
const LINES_MAX = 50;
const GIB = 1024 ** 3;

/** The plan as text: moves in order, hosts that stay above a limit, the effect of losing a host. */
export function fleetText(
  { moves, hosts, clusters }: FleetPlan,
  { leftOut, warnings, range }: { leftOut: readonly LeftOut[]; warnings: readonly string[]; range: string },
): string {
  const vms = hosts.reduce((sum, { host }) => sum + host.vms.length, 0);
  const over = hosts.filter(({ state }) => state === 'over' || state === 'unexplained');
  const sections = [
    [
      `${counted(hosts.length, 'host')} with ${counted(vms, 'VM')} in ${counted(clusters.length, 'cluster')}, by ${range} of series.`,
    ],
    moves.length === 0 ? [nothingToMove(over)] : movesText(moves, hosts),
    over.length === 0 ? [] : ['Hosts that need something else:', ...limited(over.map(hostLine))],
    ['Loss of a host:', ...limited(clusters.flatMap(lossLines))],
    leftOut.length === 0
      ? []
      : [
          'Left out of the plan:',
          ...limited(
            leftOut.map(({ cluster, instance, reason }) => `  ${hostText(cluster, instance)}: ${reason}`),
          ),
        ],
    warnings.map((warning) => `Prometheus warns: ${warning}`),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(terminalText).join('\n'))
    .join('\n\n');
}

const nothingToMove = (over: readonly HostVerdict[]): string =>
  over.length === 0
    ? 'Nothing to do: all hosts are below the limits of contention and memory.'
    : 'No move helps.';

function movesText(moves: readonly Move[], hosts: readonly HostVerdict[]): string[] {
  const bytes = moves.reduce((sum, { cost }) => sum + cost.bytes, 0);
  const seconds = moves.reduce((sum, { cost }) => sum + cost.seconds, 0);
  const of = new Map(hosts.map((verdict) => [verdict.host.id, verdict]));
  const rows = moves.map(({ vm, from, to, why, cost }, index) => {
    const verdict = of.get(from.id) as HostVerdict;
    return [
      String(index + 1),
      vm.name,
      hostText(from.cluster, from.instance),
      to.instance,
      gib(cost.bytes),
      formatSeconds(Math.max(1, Math.round(cost.seconds))),
      why === 'memory'
        ? `memory ${percent(verdict.before.memory)} -> ${percent(verdict.after.memory)}`
        : why === 'CPU contention'
          ? `CPU contention ${atHour(verdict.before)} -> ${percent(verdict.after.contention)}`
          : 'room for VMs of a lost host',
    ];
  });
  const shown = textTable(['', 'VM', 'from', 'to', 'memory', 'takes', 'why'], rows.slice(0, LINES_MAX));
  return [
    `${counted(moves.length, 'move')}, in this order; ${gib(bytes)} to copy, about ${formatSeconds(Math.max(1, Math.round(seconds)))} one after another:`,
    ...shown,
    ...more(rows.length),
  ];
}

function hostLine({ host, after, reason = '' }: HostVerdict): string {
  return `  ${hostText(host.cluster, host.instance)}: CPU contention ${atHour(after)}, memory ${percent(after.memory)}: ${reason}`;
}

function lossLines({ cluster, hosts, stranded, strandedBefore }: ClusterVerdict): string[] {
  const name = cluster === '' ? 'all hosts' : cluster;
  if (stranded.length === 0) {
    return [`  ${name}: any of ${counted(hosts, 'host')} may fail; its VMs find room on the others.`];
  }
  return [
    `  ${name}: the VMs of ${stranded.length} of ${counted(hosts, 'host')} find no room on the others${stranded.length === strandedBefore ? '' : ` (${strandedBefore} before the moves)`}:`,
    ...stranded.map(
      ({ host, vm, lacks }) =>
        `    ${host.instance}: ${vm.name}${lacks === 'constraints' ? ' is allowed on no other host' : `; the others lack ${lacks}`}`,
    ),
  ];
}

const limited = (lines: readonly string[]): string[] => [...lines.slice(0, LINES_MAX), ...more(lines.length)];
const more = (count: number): string[] =>
  count > LINES_MAX ? [`  and ${count - LINES_MAX} more; --json has all of them`] : [];
const hostText = (cluster: string, instance: string): string =>
  cluster === '' ? instance : `${cluster}/${instance}`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const atHour = ({ contention, slot }: Strain): string =>
  contention > 0 ? `${percent(contention)} at ${String(slot).padStart(2, '0')}:00 UTC` : percent(0);
const gib = (bytes: number): string => `${(bytes / GIB).toFixed(bytes < 10 * GIB ? 1 : 0)} GiB`;
const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;
