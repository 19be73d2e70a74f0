const HOST = '{{instance}} {{cluster}}';

/** Series names by labels: everything that identifies a host, a VM, a disk or an interface. */
export const LEGEND = {
  host: HOST,
  vm: `{{domain}} ${HOST}`,
  device: `{{domain}} {{target_device}} ${HOST}`,
} as const;
