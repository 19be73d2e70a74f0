import { terminalText } from '../../model/terminal-text.ts';
import { counted } from '../placement/amounts.ts';
import {
  pushedAbove,
  ratioText,
  type Share,
  type SharedPool,
  type Sharing,
  type SharingVm,
  WARN_RATIO,
} from '../placement/sharing.ts';
import { textTable } from '../text-table.ts';
import type { Plan } from './plan.ts';

/** A plan's effect on every running VM without dedicated CPUs, named in the plan or not, and CPUs left idle. */
export function reportSharing({ sharing, rebalanced, leftAlone = [] }: Plan): string[] {
  const alone = leftAlone.map(
    (guest) =>
      `${guest} is left unchanged: its pins were not set by virtune; select it by name, or use --adopt`,
  );
  if (sharing === undefined || !changes(sharing)) return alone.map(terminalText);
  return [
    'VMs that share CPUs',
    ...textTable(
      ['', 'now', 'after'],
      [
        ['vCPUs on shared CPUs', poolText(sharing.before), poolText(sharing.after)],
        ['highest ratio', ratio(sharing.before), ratio(sharing.after)],
        ['idle CPUs', cpusText(sharing.before.idleCpus), cpusText(sharing.after.idleCpus)],
        [
          'of these, siblings of dedicated vCPUs',
          cpusText(sharing.before.idleSiblings),
          cpusText(sharing.after.idleSiblings),
        ],
      ],
    ).map(indent),
    ...vmTable(sharing.vms).map((line) => indent(terminalText(line))),
    ...warnings(sharing, rebalanced).map(terminalText),
    ...alone.map(terminalText),
    '',
  ];
}

/** False if all VMs share the same CPUs at the same ratio as before. */
function changes({ before, after, vms }: Sharing): boolean {
  return (
    !before.idleCpus.equals(after.idleCpus) ||
    vms.some((vm) => vm.before === undefined || shareText(vm.before) !== shareText(vm.after))
  );
}

const vmTable = (vms: readonly SharingVm[]): string[] =>
  vms.length === 0 ? [] : textTable(['VM', 'in this plan', 'now', 'after'], groups(vms));

function groups(vms: readonly SharingVm[]): string[][] {
  const alike = Map.groupBy(
    vms,
    (vm) => `${vm.named} ${vm.before && shareText(vm.before)} ${shareText(vm.after)}`,
  );
  return [...alike.values()].map((group) => {
    const [first] = group as [SharingVm, ...SharingVm[]];
    const now = first.before === undefined ? 'dedicated CPUs' : shareText(first.before);
    return [
      group.map(({ guest }) => guest).join(', '),
      first.named ? 'yes' : 'no',
      now,
      shareText(first.after),
    ];
  });
}

function warnings(sharing: Sharing, rebalanced: Sharing | undefined): string[] {
  const over = pushedAbove(sharing, WARN_RATIO);
  const better =
    rebalanced &&
    `--rebalance lowers the highest ratio to ${ratioText(rebalanced.after.worstRatio)} instead of ${ratioText(sharing.after.worstRatio)}, but moves VMs that are already placed`;
  if (over.length === 0) return better === undefined ? [] : [better];
  const worst = Math.max(...over.map(({ after }) => after.ratio));
  return [
    `warning: ${over.map(({ guest }) => guest).join(', ')} would share CPUs at up to ${ratioText(worst)}; above ${ratioText(WARN_RATIO)}, expect steal when they are busy`,
    ...(better === undefined ? [] : [better]),
  ];
}

const shareText = ({ cpus, ratio: value }: Share): string => `${ratioText(value)} on ${cpus}`;
const ratio = ({ worstRatio }: SharedPool): string => (worstRatio === 0 ? 'none' : ratioText(worstRatio));
const poolText = ({ vcpus, cpus }: SharedPool): string =>
  vcpus === 0 ? 'none' : `${counted(vcpus, 'vCPU')} on ${counted(cpus.size, 'CPU')}`;
const cpusText = (cpus: SharedPool['cpus']): string => (cpus.size === 0 ? 'none' : `${cpus.size} (${cpus})`);
const indent = (line: string): string => `  ${line}`;
