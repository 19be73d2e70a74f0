import { LIBVIRT_FEATURES } from '../libvirt-features.ts';
import { BLOCK_LIMITS } from '../stats/block-slots.ts';
import type { BlockStats } from '../stats/types.ts';
import type { Group, Point } from './metric.ts';

type Limit = (typeof BLOCK_LIMITS)[number];

const SEGMENTS: readonly Limit[] = ['iov_max', 'iov_hw_max'];
const BYTES: readonly Limit[] = BLOCK_LIMITS.filter((limit) => !SEGMENTS.includes(limit));

export const blockLimitsGroup = {
  name: 'blocklimits',
  help: 'Alignment and request size limits of each disk, as QEMU detects them.',
  byDefault: false,
  costs:
    'At most 12 series per disk; uses the calls of the block group, and makes them itself if that group is off.',
  metrics: [
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_limit_bytes',
      help: 'Limit of the disk by libvirt name, in bytes; absent where there is none.',
      labels: ['limit'],
      values: { limit: BYTES },
      since: LIBVIRT_FEATURES.blockLimits.libvirt,
      points: (block) => pointsOf(block, BYTES),
    },
    {
      per: 'block',
      type: 'gauge',
      name: 'libvirt_domain_block_limit_segments',
      help: 'Maximum number of memory segments per request, of QEMU and of the hardware.',
      labels: ['limit'],
      values: { limit: SEGMENTS },
      since: LIBVIRT_FEATURES.blockLimits.libvirt,
      points: (block) => pointsOf(block, SEGMENTS),
    },
  ],
} as const satisfies Group;

function* pointsOf({ limits }: BlockStats, names: readonly Limit[]): Generator<Point> {
  for (const name of names) {
    const value = limits?.get(name);
    if (value !== undefined) yield [[name], value];
  }
}
