import { deviceOf, mapOf, type Slot, within } from './draft.ts';
import type { BlockWindow, LatencyBin, WindowOperation } from './types.ts';

/** Structured fields of a disk; undefined for a field that this version does not know. */
export function blockSlot(index: number, rest: string): Slot | undefined {
  return latencySlot(index, rest) ?? windowSlot(index, rest) ?? limitSlot(index, rest);
}

const IGNORE: Slot = () => undefined;

/** `latency_histogram.read.bin.3.start`, ns, and `.value`, requests (libvirt 12.1 and newer); at most 1,000 bins. */
function latencySlot(index: number, rest: string): Slot | undefined {
  const match =
    /^latency_histogram\.(read|write|zone_append|flush)\.bin\.(?:count|(\d{1,3})\.(start|value))$/.exec(rest);
  if (match === null) return undefined;
  const [, operation = '', bin, what] = match;
  if (bin === undefined) return IGNORE;
  const key = what === 'start' ? 'startNs' : 'count';
  return (draft, value) => {
    const byOperation = within<string, Map<number, LatencyBin>>(
      deviceOf(mapOf(draft, 'block'), index),
      'latency',
    );
    let bins = byOperation.get(operation);
    if (bins === undefined) {
      bins = new Map();
      byOperation.set(operation, bins);
    }
    const found = bins.get(Number(bin));
    if (found === undefined) bins.set(Number(bin), { [key]: Number(value) });
    else found[key] = Number(value);
  };
}

/** libvirt's short names of operations, and the names that its latency histograms use. */
const OPERATIONS: Readonly<Record<string, string>> = {
  rd: 'read',
  wr: 'write',
  zone_append: 'zone_append',
  flush: 'flush',
};
const WINDOW_FIGURES: Readonly<Record<string, keyof WindowOperation>> = {
  latency_min: 'minNs',
  latency_max: 'maxNs',
  latency_avg: 'averageNs',
  queue_depth_avg: 'averageQueueDepth',
};

/** `timed_group.0.interval`, seconds, and `timed_group.0.rd_latency_avg`, ns (libvirt 11.10, QEMU 10.2, and newer); at most 16 windows. */
function windowSlot(index: number, rest: string): Slot | undefined {
  if (rest === 'timed_group.count') return IGNORE;
  const match =
    /^timed_group\.(\d|1[0-5])\.(?:(interval)|(rd|wr|zone_append|flush)_(latency_min|latency_max|latency_avg|queue_depth_avg))$/.exec(
      rest,
    );
  if (match === null) return undefined;
  const [, group = '', interval, short = '', theirs = ''] = match;
  const windowOf = (draft: Parameters<Slot>[0]): BlockWindow => {
    const windows = within<number, BlockWindow>(deviceOf(mapOf(draft, 'block'), index), 'windows');
    let window = windows.get(Number(group));
    if (window === undefined) {
      window = { operations: new Map() };
      windows.set(Number(group), window);
    }
    return window;
  };
  if (interval !== undefined) {
    return (draft, value) => {
      windowOf(draft).intervalSeconds = Number(value);
    };
  }
  const operation = OPERATIONS[short] as string;
  const key = WINDOW_FIGURES[theirs] as keyof WindowOperation;
  return (draft, value) => {
    // QEMU reports a latency of 0 for a window without requests (util/timed-average.c): nothing was measured.
    if (key !== 'averageQueueDepth' && Number(value) === 0) return;
    const { operations } = windowOf(draft);
    const figures = operations.get(operation) ?? {};
    figures[key] = Number(value);
    operations.set(operation, figures);
  };
}

/** Limits of the image and its host device (libvirt 11.10 and newer); `iov_*` in segments, all others in bytes. */
export const BLOCK_LIMITS = [
  'request_alignment',
  'discard_max',
  'discard_alignment',
  'write_zeroes_max',
  'write_zeroes_alignment',
  'transfer_optimal',
  'transfer_max',
  'transfer_hw_max',
  'memory_alignment_minimal',
  'memory_alignment_optimal',
  'iov_max',
  'iov_hw_max',
] as const;

function limitSlot(index: number, rest: string): Slot | undefined {
  const name = BLOCK_LIMITS.find((limit) => rest === `limits.${limit}`);
  if (name === undefined) return undefined;
  return (draft, value) => {
    within<string, number>(deviceOf(mapOf(draft, 'block'), index), 'limits').set(name, Number(value));
  };
}
