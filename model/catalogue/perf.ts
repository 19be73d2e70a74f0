import type { Group } from './metric.ts';

/** The only perf event that is a gauge and not a counter. */
const OCCUPANCY = 'cmt';

/** All others that libvirt can switch on (https://libvirt.org/formatdomain.html#performance-monitoring-events). */
const EVENTS = [
  'mbmt',
  'mbml',
  'cpu_cycles',
  'instructions',
  'cache_references',
  'cache_misses',
  'branch_instructions',
  'branch_misses',
  'bus_cycles',
  'stalled_cycles_frontend',
  'stalled_cycles_backend',
  'ref_cpu_cycles',
  'cpu_clock',
  'task_clock',
  'page_faults',
  'context_switches',
  'cpu_migrations',
  'page_faults_min',
  'page_faults_maj',
  'alignment_faults',
  'emulation_faults',
];

export const perfGroup = {
  name: 'perf',
  help: 'Hardware and software event counters.',
  byDefault: true,
  costs: 'Only for VMs whose XML enables an event; no monitor command.',
  metrics: [
    {
      per: 'domain',
      type: 'counter',
      name: 'libvirt_domain_perf_events_total',
      help: 'Events counted for the VM, by event.',
      labels: ['event'],
      values: { event: EVENTS },
      needs: "<perf> with an enabled event in the VM's XML",
      when: ({ perf }) => perf.size > 0,
      points: function* ({ perf }) {
        for (const [event, count] of perf) if (event !== OCCUPANCY) yield [[event], count];
      },
    },
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_perf_cache_occupancy_bytes',
      help: 'Last-level cache occupancy of the VM, in bytes, where it is measured as a perf event (cmt).',
      needs: "<perf> with cmt enabled in the VM's XML, and a kernel older than 4.14; newer ones have resctrl",
      read: ({ perf }) => perf.get(OCCUPANCY),
    },
  ],
} as const satisfies Group;
