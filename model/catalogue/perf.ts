import type { Group } from './metric.ts';

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
        for (const [event, count] of perf) yield [[event], count];
      },
    },
  ],
} as const satisfies Group;
