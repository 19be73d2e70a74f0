import type { HostFigures } from '../host.ts';
import { nsToSeconds } from '../units.ts';
import type { Group, Point } from './metric.ts';

export const hostCpusGroup = {
  name: 'hostcpus',
  help: 'Time of each CPU of the host by mode.',
  byDefault: false,
  costs: 'None where virtune runs on the host; elsewhere one call per CPU, none of which waits for a VM.',
  metrics: [
    {
      per: 'host',
      type: 'counter',
      name: 'libvirt_host_cpu_core_seconds_total',
      help: 'Time of one CPU of the host by mode, in seconds; user and nice include guest and guest_nice.',
      labels: ['cpu', 'mode'],
      points: function* ({ cpuNsByCpu }: HostFigures): Generator<Point> {
        for (const [cpu, modes] of cpuNsByCpu ?? []) {
          for (const [mode, ns] of modes) yield [[String(cpu), mode], nsToSeconds(ns)];
        }
      },
    },
  ],
} as const satisfies Group;
