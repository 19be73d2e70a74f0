import { clusterFaultOf } from './cluster-fault.ts';

/**
 * Whether an operator or the flood stage of the disk watermark has blocked writes, rather than a permission be missing:
 * both have status 403, the flood stage since Elasticsearch 7.8 also 429. Blocks while the cluster starts are others.
 */
export function isBlock(reason: string): boolean {
  return /blocked by: \[(FORBIDDEN|TOO_MANY_REQUESTS)\//.test(reason);
}

/**
 * Whether one index takes no documents, while the newest index of its stream may: index.blocks.write, which downsampling,
 * shrinking and read-only actions of a lifecycle set for good, or index.blocks.read_only; an index that is closed.
 * Not the flood stage, which ends.
 */
export function isReadOnlyIndex(reason: string): boolean {
  const isBlocked = /index \[[^[\]]+\] blocked by: \[FORBIDDEN\/[58]\//.test(reason);
  return isBlocked || clusterFaultOf(reason)?.isOfOneIndex === true;
}

/** What to do about a block. The flood stage of the disk watermark sets one, and removes it once there is space. */
export const UNBLOCK =
  'free disk space on the server if it is at its flood stage, or remove the block (index.blocks.write, index.blocks.read_only_allow_delete, cluster.blocks.read_only)';
