/** Of recorded figures, the share that is met: the target of the Vertical Pod Autoscaler's recommender, and its safety margin. */
export const TARGET = 0.9;
export const MARGIN = 1.15;
/** A VM keeps its size unless at least this share of it is saved. */
export const SAVED_MIN = 0.25;
/** Of the range, what has to be known of a VM. */
export const KNOWN_SHARE = 0.9;
/** Ranges that are enough: a week to take something away, since some load comes once a week; a day to add something. */
export const SHRINK_SECONDS = 7 * 86_400;
export const GROW_SECONDS = 86_400;
