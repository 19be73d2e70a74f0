import { clusterFaultOf } from './cluster-fault.ts';

/**
 * Whether writes are blocked by an operator or the flood stage of the disk watermark, as opposed to a missing
 * permission: both have status 403, the flood stage since Elasticsearch 7.8 also 429. Blocks during cluster startup do
 * not match.
 */
export function isBlock(reason: string): boolean {
  return /blocked by: \[(FORBIDDEN|TOO_MANY_REQUESTS)\//.test(reason);
}

/**
 * Whether one index is read-only, while the newest index of its stream may accept documents: index.blocks.write, which
 * downsampling, shrinking and read-only lifecycle actions set permanently, index.blocks.read_only, or a closed index.
 * Not the flood stage, which is temporary.
 */
export function isReadOnlyIndex(reason: string): boolean {
  const isBlocked = /index \[[^[\]]+\] blocked by: \[FORBIDDEN\/[58]\//.test(reason);
  return isBlocked || clusterFaultOf(reason)?.isOfOneIndex === true;
}

/** What to do about a block. The flood stage of the disk watermark sets one, and removes it once there is space. */
export const UNBLOCK =
  'free disk space on the server if it is at its flood stage, or remove the block (index.blocks.write, index.blocks.read_only_allow_delete, cluster.blocks.read_only)';
