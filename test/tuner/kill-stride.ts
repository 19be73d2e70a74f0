/** `npm test` kills at every `stride`th point, `.ci/nightly` at all of them. */
export const killStride = (stride: number): number =>
  process.env['VIRTUNE_KILL_POINTS'] === 'all' ? 1 : stride;
