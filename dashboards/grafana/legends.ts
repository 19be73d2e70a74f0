const HOST = '{{instance}} {{cluster}}';

/** What a series is called, from its labels: all that identifies a host, a VM, or a disk or interface. */
export const LEGEND = {
  host: HOST,
  vm: `{{domain}} ${HOST}`,
  device: `{{domain}} {{target_device}} ${HOST}`,
} as const;
