import { isHuge } from '../../model/huge-pools.ts';
import { basePageKiB } from '../../model/topology.ts';
import type { Advice, Remedy } from '../advice.ts';
import { isDatabase } from '../behaviour.ts';
import { lasting, refOf, virsh, virshStep } from '../commands.ts';
import type { Context } from '../context.ts';
import { factOf } from '../evidence.ts';
import { MIGRATION_RISK } from '../host-ties.ts';
import { pinnedCpus } from '../pins.ts';
import { profileRemedy } from '../profile-remedy.ts';
import { size } from './parts.ts';

const KIB_PER_GIB = 1_048_576;
/** Smaller VMs gain little. */
const LARGE_KIB = 8 * KIB_PER_GIB;
const STATS_PERIOD_SECONDS = 10;

/** VMs whose balloon has no stats period, so that the memory in their guests is unknown. */
export function balloonSilent({ running, uri }: Context): Advice[] {
  const silent = running.filter(({ missing }) => missing.get('balloon') === 'no_stats_period');
  if (silent.length === 0) return [];
  return [
    {
      kind: 'balloon-silent',
      id: 'balloon-silent',
      severity: 'info',
      title: 'no memory statistics: the balloon has no stats period',
      victims: silent.map((vm) => ({ ...refOf(vm), evidence: 'period 0' })),
      evidence: [factOf('VMs without a stats period', silent.length)],
      cause: 'libvirt does not collect statistics until a period is set',
      culprits: [],
      remedies: [
        {
          change: `let the guests report every ${STATS_PERIOD_SECONDS} s`,
          steps: silent.map((vm) =>
            virshStep(uri, vm, 'dommemstat', '--period', String(STATS_PERIOD_SECONDS), ...lasting(vm.sample)),
          ),
          cost: 'none: a message per guest and period',
          payers: [],
          gain: 'guests that lack memory are seen before they fail',
          risk: 'none',
          effect: 'live',
        },
      ],
      harm: 0,
    },
  ];
}

/** The host's base page: 4 KiB on x86, up to 64 KiB on Arm and POWER. */
function pageKiBOf({ newest }: Context['observation']): number | undefined {
  const topology = newest.host?.topology;
  return topology && basePageKiB(topology);
}

/** Databases with dedicated CPUs and small pages. */
export function smallPages(context: Context): Advice[] {
  const pageKiB = pageKiBOf(context.observation);
  const pages = pageKiB === undefined ? 'small pages' : `${size(pageKiB)} pages`;
  return context.running
    .filter(
      (vm) =>
        isDatabase(vm) &&
        (vm.facts?.memory.maximumKiB ?? 0) >= LARGE_KIB &&
        vm.facts?.memory.hugepages === undefined &&
        pinnedCpus(vm.sample) !== undefined,
    )
    .map((vm) => ({
      kind: 'small-pages',
      id: `small-pages:${vm.uuid.slice(0, 8)}`,
      severity: 'info',
      title: 'a large pinned database without huge pages',
      victims: [{ ...refOf(vm), evidence: `${size(vm.facts?.memory.maximumKiB ?? 0)} in ${pages}` }],
      evidence: [factOf('memory in small pages', (vm.facts?.memory.maximumKiB ?? 0) / KIB_PER_GIB, 'GiB')],
      cause: 'its definition asks for no huge pages',
      culprits: [],
      remedies: [
        profileRemedy(
          context,
          vm,
          'oltp-database',
          'about 4 % more transactions (n0derunner.com, PostgreSQL: 96.3 % without huge pages)',
        ),
      ],
      harm: 0,
    }));
}

/** Without page merging the VMs would need more memory than the host has. */
export function ksmDependence({ observation, budget, running }: Context): Advice[] {
  const sharing = observation.newest.host?.ksm.get('pages_sharing');
  const pageKiB = pageKiBOf(observation);
  if (pageKiB === undefined || sharing === undefined) return [];
  const savedKiB = sharing * pageKiB;
  if (budget.freeKiB === undefined || savedKiB <= budget.freeKiB || savedKiB === 0) return [];
  const merged = running
    .map((vm) => ({ vm, kib: (vm.sample.local?.memoryMap?.ksmMergedBytes ?? 0) / 1_024 }))
    .filter(({ kib }) => kib > 0)
    .toSorted((a, b) => b.kib - a.kib);
  return [
    {
      kind: 'ksm-dependence',
      id: 'ksm-dependence',
      severity: 'warn',
      title: 'the host depends on page merging: without it, it would swap',
      victims: [],
      evidence: [
        factOf('saved by KSM', savedKiB / KIB_PER_GIB, 'GiB'),
        factOf('memory that the host has free', budget.freeKiB / KIB_PER_GIB, 'GiB'),
      ],
      cause: 'guests that reboot or rewrite merged pages need separate pages, which the host does not have',
      culprits: merged.slice(0, 10).map(({ vm, kib }) => ({ ...refOf(vm), evidence: `${size(kib)} merged` })),
      remedies: [
        {
          change: `move VMs with ${size(savedKiB - budget.freeKiB)} to another host, and count saved memory as used`,
          steps: [],
          cost: 'none on this host',
          payers: [],
          gain: 'the host no longer swaps when pages are unmerged',
          risk: MIGRATION_RISK,
          effect: 'live',
        },
      ],
      harm: 0,
    },
  ];
}

/** VMs that start again by themselves but lack the huge pages to do so. */
export function hugepagesShort({ observation, uri, budget }: Context): Advice[] {
  const short = (observation.newest.overcommit?.hugepages ?? []).filter(
    ({ wanted, free, sizeKiB }) => isHuge(sizeKiB) && free !== undefined && wanted > free,
  );
  return short.map(({ sizeKiB, cell, wanted, free = 0 }) => {
    const missing = wanted - free;
    const freeOfCell = observation.newest.host?.cells.find(({ id }) => id === cell)?.memoryKiB.get('free');
    const fits = (freeOfCell ?? 0) >= missing * sizeKiB && budget.take(missing * sizeKiB);
    const where = cell === undefined ? '' : ` on NUMA cell ${cell}`;
    const remedies: Remedy[] = [
      fits && cell !== undefined
        ? {
            change: `add ${missing} pages of ${size(sizeKiB)}${where} to the pool`,
            steps: [
              {
                argv: virsh(
                  uri,
                  'allocpages',
                  String(sizeKiB),
                  String(missing),
                  '--cellno',
                  String(cell),
                  '--add',
                ),
              },
            ],
            cost: `${size(missing * sizeKiB)} less for all other VMs; the host keeps ${size(budget.leftKiB + budget.reserveKiB)}`,
            payers: [],
            gain: 'the VMs start',
            risk: 'memory may be too fragmented for so many pages; they last until the next reboot of the host',
            effect: 'live',
          }
        : {
            change:
              'start the VMs on another host, or without huge pages: this host has no memory for the pages',
            steps: [],
            cost: 'none',
            payers: [],
            gain: 'the VMs start',
            risk: 'none',
            effect: 'next boot',
          },
    ];
    return {
      kind: 'hugepages-short' as const,
      id: `hugepages-short:${sizeKiB}${cell === undefined ? '' : `:${cell}`}`,
      severity: 'warn' as const,
      title: `VMs that start again by themselves lack huge pages${where}`,
      victims: [],
      evidence: [
        factOf(`pages of ${size(sizeKiB)} that they need`, wanted),
        factOf('of which are free', free),
      ],
      cause: 'the pool is smaller than what the definitions ask for',
      culprits: [],
      remedies,
      harm: 0,
    };
  });
}
