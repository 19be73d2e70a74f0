/** Quantile of the figures that a size covers, and its safety margin: as in the Vertical Pod Autoscaler. */
export const TARGET = 0.9;
export const MARGIN = 1.15;
/** A VM keeps its size unless at least this share of it is saved. */
export const SAVED_MIN = 0.25;
/** Share of the range for which a VM's figures must be known. */
export const KNOWN_SHARE = 0.9;
/** Minimum ranges: a week to shrink a VM, since some load recurs weekly; a day to grow one. */
export const SHRINK_SECONDS = 7 * 86_400;
export const GROW_SECONDS = 86_400;
