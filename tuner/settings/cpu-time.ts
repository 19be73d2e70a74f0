import { textSetting } from './declare.ts';
import { wholeParam } from './params.ts';
import type { LiveChange, Setting } from './setting.ts';
import { positive } from './values.ts';

/** Weight of all its threads together, relative to other domains: 2-262144 with cgroup v1, 1-10000 with v2. */
const shares = textSetting({
  id: 'shares',
  title: 'CPU shares relative to other domains',
  on: 'domain',
  path: ['cputune', 'shares'],
  canonical: positive,
  // Removal would mean a default weight that depends on the cgroup version.
  live: ({ domain, to }) =>
    to === undefined
      ? undefined
      : [{ kind: 'scheduler', domain, to: [wholeParam('cpu_shares', 'ullong', to)] }],
});

/** A negative quota means none, and so does 0, which libvirt treats as not set. */
const quotaOf = (text: string): string | undefined =>
  text.trim().startsWith('-') ? undefined : positive(text);

function periodAndQuota(of: string, whose: string, element: string, param: string): [Setting, Setting] {
  const period = textSetting({
    id: `${of}.period`,
    title: `CPU quota period of ${whose}, µs`,
    on: 'domain',
    path: ['cputune', `${element}period`],
    canonical: positive,
    live: ({ domain, to }: LiveChange) =>
      to === undefined
        ? undefined
        : [{ kind: 'scheduler', domain, to: [wholeParam(`${param}_period`, 'ullong', to)] }],
  });
  const quota = textSetting({
    id: `${of}.quota`,
    title: `CPU quota of ${whose} per period, µs`,
    on: 'domain',
    path: ['cputune', `${element}quota`],
    canonical: quotaOf,
    live: ({ domain, to }: LiveChange) => [
      { kind: 'scheduler', domain, to: [wholeParam(`${param}_quota`, 'llong', to ?? '-1')] },
    ],
  });
  return [period, quota];
}

export const cpuTimeSettings = [
  shares,
  ...periodAndQuota('vcpu', 'each vCPU', '', 'vcpu'),
  ...periodAndQuota('global', 'the whole domain', 'global_', 'global'),
  ...periodAndQuota('emulator', 'emulator threads', 'emulator_', 'emulator'),
  ...periodAndQuota('iothread', 'each iothread', 'iothread_', 'iothread'),
] as const;
