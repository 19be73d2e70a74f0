import type { BlockMean } from './block-means.ts';
import type { Schedule } from './schedule.ts';

/** A figure in one pair of blocks. */
export interface Pair {
  readonly off: number;
  readonly on: number;
  /** Whether the block with the setting was the first of the two, as the coin decided. */
  readonly onFirst: boolean;
  /** The covariates declared before the start, in that order, for each of the two blocks. */
  readonly covariates: readonly { readonly off: number; readonly on: number }[];
}

export interface Lost {
  /** From 0. */
  readonly pair: number;
  readonly reason: string;
}

/**
 * Groups the blocks of a schedule into pairs. If a block lacks its figure or a covariate, its whole pair is lost; the
 * coins of the others stay fair as long as the loss does not depend on the setting, which `lost` lets a reader judge.
 *
 * @param means by block, as many as were run; `covariates` likewise.
 */
export function pairUp(
  { blocks }: Pick<Schedule, 'blocks'>,
  means: readonly BlockMean[],
  covariates: readonly (readonly BlockMean[])[] = [],
): { readonly pairs: readonly Pair[]; readonly lost: readonly Lost[] } {
  const pairs: Pair[] = [];
  const lost: Lost[] = [];
  for (let first = 0; first + 1 < Math.min(blocks.length, means.length); first += 2) {
    const onFirst = blocks[first]?.arm === 'on';
    const [on, off] = onFirst ? [first, first + 1] : [first + 1, first];
    const wanted = [means, ...covariates].map((each) => ({ on: each[on], off: each[off] }));
    const missing = wanted
      .flatMap((each) => [reasonOf('on', each.on), reasonOf('off', each.off)])
      .filter((reason) => reason !== undefined);
    if (missing[0] !== undefined) {
      lost.push({ pair: first >> 1, reason: missing[0] });
      continue;
    }
    const [figure, ...rest] = wanted.map((each) => ({ on: figureOf(each.on), off: figureOf(each.off) }));
    if (figure !== undefined) pairs.push({ ...figure, onFirst, covariates: rest });
  }
  return { pairs, lost };
}

function reasonOf(arm: string, mean: BlockMean | undefined): string | undefined {
  if (mean === undefined) return `block ${arm}: it was not run`;
  return 'missing' in mean ? `block ${arm}: ${mean.missing}` : undefined;
}

function figureOf(mean: BlockMean | undefined): number {
  return mean !== undefined && 'value' in mean ? mean.value : Number.NaN;
}
