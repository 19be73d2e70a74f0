import { attr, children, type Element } from '../../model/xml.ts';
import { custom } from './declare.ts';
import { append, ensurePath, findPath, remove, removePath } from './edit.ts';
import { whole } from './values.ts';

const PATH = ['driver', 'statistics'] as const;

/** Buses for which libvirt supports these measurements by QEMU (seen with 12.9: nvme and fdc are rejected). */
export const MEASURED_BUSES: ReadonlySet<string> = new Set(['virtio', 'ide', 'sata', 'scsi', 'usb']);

/** Replaces the disk's statistics of one kind by what `add` appends; removes elements left empty. */
function replace(
  disk: Element,
  kind: (statistics: Element | undefined) => Element[],
  add: ((statistics: Element) => void) | undefined,
): void {
  for (const old of kind(findPath(disk, PATH))) remove(old);
  if (add !== undefined) add(ensurePath(disk, PATH));
  else if (children(findPath(disk, PATH)).length === 0) removePath(disk, PATH);
}

const intervalsIn = (statistics: Element | undefined): Element[] => children(statistics, 'statistic');

/**
 * Lengths of the windows in which QEMU measures request latency and queue depth: `1, 60`, ascending. Their order in the
 * XML only numbers the statistics.
 */
const intervals = custom({
  id: 'disk.statisticsIntervals',
  title: 'windows of request latency and queue depth, seconds',
  on: 'disk',
  path: PATH,
  read: (statistics) => {
    const seconds = intervalsIn(statistics).map((each) => whole(attr(each, 'interval')) ?? '');
    if (seconds.length === 0) return undefined;
    return [...new Set(seconds)].sort((a, b) => Number(a) - Number(b)).join(', ');
  },
  write: (disk, value) =>
    replace(
      disk,
      intervalsIn,
      value === undefined
        ? undefined
        : (statistics) => {
            for (const seconds of value.split(', '))
              append(statistics, { name: 'statistic', with: ['interval', seconds] });
          },
    ),
});

const histogramsIn = (statistics: Element | undefined): Element[] =>
  children(statistics, 'latency-histogram').filter((each) => attr(each, 'type') === undefined);

/**
 * Boundaries between the bins of the latency histograms of all operations: `100000, 1000000`. libvirt adds the bin from
 * 0 if missing; histograms of a single operation are unchanged.
 */
const bins = custom({
  id: 'disk.latencyBins',
  title: 'boundaries of the bins of latency histograms, ns',
  on: 'disk',
  path: PATH,
  read: (statistics) => {
    const starts = children(histogramsIn(statistics)[0], 'bin').map((bin) => whole(attr(bin, 'start')) ?? '');
    const boundaries = starts.filter((start) => start !== '0');
    return boundaries.length === 0 ? undefined : boundaries.join(', ');
  },
  write: (disk, value) =>
    replace(
      disk,
      histogramsIn,
      value === undefined
        ? undefined
        : (statistics) => {
            const histogram = append(statistics, 'latency-histogram');
            for (const start of ['0', ...value.split(', ')])
              append(histogram, { name: 'bin', with: ['start', start] });
          },
    ),
});

export const diskStatisticsSettings = [intervals, bins] as const;
