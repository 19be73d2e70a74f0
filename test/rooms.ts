/** Rooms that a room may import, besides itself. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  libvirt: [],
  model: ['libvirt'],
  sampler: ['libvirt', 'model'],
  exporter: ['libvirt', 'model', 'sampler'],
  advice: ['libvirt', 'model', 'sampler'],
  tui: ['libvirt', 'model', 'sampler', 'advice'],
  tuner: ['libvirt', 'model', 'sampler'],
  simulator: ['libvirt', 'model'],
  dashboards: ['model'],
  docs: ['libvirt', 'model', 'sampler', 'advice', 'tui', 'tuner'],
  cli: ['libvirt', 'model', 'sampler', 'exporter', 'advice', 'tui', 'tuner', 'dashboards', 'simulator'],
};

/** Rooms whose errors a user may see, in order. */
export const ROOMS_WITH_ERRORS = Object.keys(MAY_IMPORT)
  .filter((room) => room !== 'docs')
  .sort();
