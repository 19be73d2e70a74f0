import { CpuSet } from '../../model/cpu-set.ts';
import { percent, ratio } from '../../model/format.ts';
import type { HostView } from '../model/host-view.ts';
import { pinnedCpus } from '../../advice/pins.ts';
import type { Vm } from '../model/vm.ts';
import { fit } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';
import { gauge } from './bar.ts';

/** CPU seconds a second; less is nobody's fault. */
const NOTICEABLE = 0.005;

/** VMs that ran on the CPUs of this VM while it had steal, the busiest first. */
export function neighbourLines(host: HostView, vm: Vm, width: number, max: number): Line[] {
  if (vm.rates === undefined) return [[span('  needs two samples of a running VM', 'missing')]];
  const pins = pinnedCpus(vm.sample);
  const allCpus = host.sample?.host?.cpusOnline;
  // Pinned to all of the host is pinned nowhere.
  const bound =
    pins !== undefined && (allCpus === undefined || pins.size < allCpus) ? new Set(pins) : undefined;
  const blame = host.residency.blame(vm.key, bound);
  if (blame === undefined || blame.delay < NOTICEABLE) {
    return [[span(`  no CPU steal in the last ${host.residency.ticks} samples`, 'ok')]];
  }
  const where = bound === undefined ? 'CPUs it was seen on' : 'CPUs it is pinned to';
  const head: Line = [
    span('  steal '),
    span(`${ratio(blame.delay)} CPU s/s`, blame.delay > 0.1 ? 'bad' : 'warn'),
    span(` over ${blame.ticks} samples; ${where}: ${CpuSet.of(blame.cpus)}`, 'dim'),
  ];
  if (blame.neighbours.length === 0) {
    return [head, [span('  no other VM was seen there: processes of the host, or between samples', 'dim')]];
  }
  const names = new Map(host.vms.map((each) => [each.key, each.name]));
  const rows = blame.neighbours
    .slice(0, max)
    .map(({ key, run, share, cpus }) =>
      fitLine(
        [
          span(`  ${fit(displayable(names.get(key) ?? 'a VM that no longer exists'), 24)} `),
          ...gauge(share, 14),
          span(
            ` ${percent(share * 100).padStart(5)} % of CPU used there by others, ${ratio(run)} CPU s/s on ${CpuSet.of(cpus)}`,
            'dim',
          ),
        ],
        width,
      ),
    );
  return [fitLine(head, width), ...rows];
}
