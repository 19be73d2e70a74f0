import type { Sharing, SharingVm } from './sharing.ts';
import type { Refusal } from './types.ts';
import { counted, listed } from './words.ts';

/**
 * vCPUs for each CPU that VMs share, above which a plan warns. Judgement: below what Nova grants a new host unasked
 * (initial_cpu_allocation_ratio, 4.0), since the CPUs that a plan takes away are gone at once.
 */
export const WARN_RATIO = 3;

/**
 * The ratio above which a plan that would bring VMs there is refused, unless `--allow-ratio` allows more: at loads under
 * 100 % five vCPUs to a physical CPU are usually safe (Red Hat, RHEL 10, Configuring and managing Linux virtual machines,
 * 17.6.1 Overcommitting virtual CPUs, 2025).
 */
export const REFUSE_RATIO = 5;

/** A change of a ratio that is not worth a word. */
const SAME = 1.02;

/** `2.3:1` */
export const ratioText = (ratio: number): string => `${Number(ratio.toFixed(1))}:1`;

/** The VMs that a plan brings above a ratio, or that are above it and get worse. */
export const squeezed = ({ vms }: Sharing, limit: number): SharingVm[] =>
  vms.filter(({ before, after }) => after.ratio > limit && after.ratio > (before?.ratio ?? 1) * SAME);

/** One refusal for all VMs that a plan would squeeze above the limit. */
export function ratioRefusals(sharing: Sharing, allowedRatio: number, next: string | undefined): Refusal[] {
  const over = squeezed(sharing, allowedRatio);
  const worst = over.toSorted((a, b) => b.after.ratio - a.after.ratio)[0];
  if (worst === undefined) return [];
  const names = listed(over.map(({ guest }) => guest));
  return [
    {
      guest: worst.guest,
      code: 'RATIO_LIMIT',
      text: `${names} would share ${counted(worst.after.cpus.size, 'CPU')} (${worst.after.cpus}) at ${ratioText(worst.after.ratio)}, now ${ratioText(worst.before?.ratio ?? 1)}; the limit is ${ratioText(allowedRatio)}`,
      next: `${next === undefined ? '' : `${next}; or `}dedicate CPUs to fewer VMs, or allow it with --allow-ratio ${Math.ceil(worst.after.ratio)}`,
    },
  ];
}
