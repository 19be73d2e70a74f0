/** `npm test` kills at each `stride`th point of an enumeration, `.ci/nightly` at all of them. */
export const killStride = (stride: number): number =>
  process.env['VIRTUNE_KILL_POINTS'] === 'all' ? 1 : stride;
