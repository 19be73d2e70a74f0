import { textSetting } from './declare.ts';
import { wholeParam } from './params.ts';
import { positive } from './values.ts';

export const blkioSettings = [
  textSetting({
    id: 'blkio.weight',
    title: 'I/O weight relative to other domains',
    on: 'domain',
    path: ['blkiotune', 'weight'],
    canonical: positive,
    // Removal would mean the host's default weight, which libvirt does not report.
    live: ({ domain, to }) =>
      to === undefined ? undefined : [{ kind: 'blkio', domain, to: [wholeParam('weight', 'uint', to)] }],
  }),
] as const;
