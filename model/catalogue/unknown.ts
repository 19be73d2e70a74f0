import type { Group } from './metric.ts';

export const unknownGroup = {
  name: 'unknown',
  help: 'Numeric statistics of a newer libvirt that this version of virtune does not know, by libvirt name.',
  byDefault: false,
  costs: 'No call; one series per statistic and VM, at most 1,000 per VM.',
  metrics: [
    {
      per: 'domain',
      type: 'gauge',
      name: 'libvirt_domain_unknown_statistic',
      help: 'Statistic that virtune does not know, by libvirt name; its unit and whether it is a counter are not known.',
      labels: ['statistic'],
      points: function* ({ unknown }) {
        for (const [name, value] of unknown) if (value !== undefined) yield [[name], value];
      },
    },
  ],
} as const satisfies Group;
