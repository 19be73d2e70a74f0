import { pinnedCpus } from '../../advice/pins.ts';
import { sharedStorage } from '../../advice/storage/sharers.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { bytes, milliseconds, percent, ratio } from '../../model/format.ts';
import type { HostView } from '../model/host-view.ts';
import type { Vm } from '../model/vm.ts';
import { fit } from '../text/cells.ts';
import { displayable } from '../text/displayable.ts';
import { fitLine, type Line, span } from '../text/line.ts';
import { gauge } from './bar.ts';

/** CPU seconds per second; less run queue delay is not attributed to any VM. */
const NOTICEABLE = 0.005;

/** VMs that ran on the CPUs of this VM while it had steal, the busiest first. */
export function neighbourLines(host: HostView, vm: Vm, width: number, max: number): Line[] {
  if (vm.rates === undefined) return [[span('  needs two samples of a running VM', 'missing')]];
  const pins = pinnedCpus(vm.sample);
  const allCpus = host.sample?.host?.cpusOnline;
  // Pinned to all CPUs of the host means not pinned.
  const bound =
    pins !== undefined && (allCpus === undefined || pins.size < allCpus) ? new Set(pins) : undefined;
  const blame = host.residency.blame(vm.sample.domain.uuid, bound);
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
    return [head, [span('  no other VM seen there: host processes, or VMs that ran between samples', 'dim')]];
  }
  const names = new Map(host.vms.map((each) => [each.sample.domain.uuid, each.name]));
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

/** VMs that share the storage of its disks, the largest load first. */
export function storageNeighbourLines(host: HostView, vm: Vm, width: number, max: number): Line[] {
  const { observation } = host.advice;
  if (observation === undefined || vm.rates === undefined) return [];
  return sharedStorage(observation, vm.sample.domain.uuid).flatMap(({ storage, users, latencyMs }) => {
    const all = users.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0);
    const head = fitLine(
      [
        span(`  ${displayable(storage)} `),
        span(latencyMs === undefined ? 'no requests' : `${milliseconds(latencyMs)} ms per request`, 'dim'),
        span(` over ${observation.samples} samples; ${users.length} VMs use it`, 'dim'),
      ],
      width,
    );
    const rows = users
      .filter(({ bytesPerSecond }) => bytesPerSecond > 0)
      .slice(0, max)
      .map(({ vm: user, bytesPerSecond }) =>
        fitLine(
          [
            span(
              `  ${fit(displayable(user.name), 24)} `,
              user.uuid === vm.sample.domain.uuid ? 'key' : 'text',
            ),
            ...gauge(bytesPerSecond / Math.max(1, all), 14),
            span(
              ` ${percent((100 * bytesPerSecond) / Math.max(1, all)).padStart(5)} % of its throughput, ${bytes(bytesPerSecond)}/s`,
              'dim',
            ),
          ],
          width,
        ),
      );
    return [head, ...rows];
  });
}
