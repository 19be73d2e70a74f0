import type { Group } from './metric.ts';

/** The one perf event that does not count, but rises and falls. */
const OCCUPANCY = 'cmt';

export const perfGroup = {
  name: 'perf',
  help: 'Counts of hardware and software events.',
  byDefault: true,
  costs: 'Asked only of VMs whose XML enables an event; no monitor command.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_perf_events_total',
      help: 'Events counted for the VM, by event.',
      labels: ['event'],
      needs: "<perf> with an enabled event in the VM's XML",
      points: function* ({ perf }) {
        for (const [event, count] of perf) if (event !== OCCUPANCY) yield [[event], count];
      },
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_perf_cache_occupancy_bytes',
      help: 'Cache that the VM holds, in bytes, where it is measured as a perf event (cmt).',
      needs: "<perf> with cmt enabled in the VM's XML, and a kernel older than 4.14; newer ones have resctrl",
      read: ({ perf }) => perf.get(OCCUPANCY),
    },
  ],
} as const satisfies Group;
