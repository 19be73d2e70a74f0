import { ioThreadsOf } from '../domain/disks.ts';
import { DRIFT_LEVELS, DRIFT_STANDINGS } from '../drift-record.ts';
import { LIMIT_NAMES } from '../limit-use.ts';
import { kibToBytes, msToSeconds } from '../units.ts';
import { flag, type Group, type Point, scaled } from './metric.ts';

/** Limits of a disk by libvirt's names, and the names that Tinkoff's exporter gave them. */
const DISK_LIMITS = {
  total_bytes_sec: 'total_bytes',
  read_bytes_sec: 'read_bytes',
  write_bytes_sec: 'write_bytes',
  total_iops_sec: 'total_requests',
  read_iops_sec: 'read_requests',
  write_iops_sec: 'write_requests',
  total_bytes_sec_max: 'burst_total_bytes',
  read_bytes_sec_max: 'burst_read_bytes',
  write_bytes_sec_max: 'burst_write_bytes',
  total_iops_sec_max: 'burst_total_requests',
  read_iops_sec_max: 'burst_read_requests',
  write_iops_sec_max: 'burst_write_requests',
  total_bytes_sec_max_length: 'burst_total_bytes_length_seconds',
  read_bytes_sec_max_length: 'burst_read_bytes_length_seconds',
  write_bytes_sec_max_length: 'burst_write_bytes_length_seconds',
  total_iops_sec_max_length: 'burst_length_total_requests_seconds',
  read_iops_sec_max_length: 'burst_length_read_requests_seconds',
  write_iops_sec_max_length: 'burst_length_write_requests_seconds',
} as const;

const RECORDED =
  'virtune tune drift --record or virtune tune watch --record, where the exporter runs, within the last 25 h';

const MEASURED =
  'virtune tune drift --record or virtune tune watch --record, where the exporter runs, and an experiment';

/** Parses an ISO 8601 time; undefined if malformed, since metadata is untrusted. */
function secondsOf(at: string | undefined): number | undefined {
  const ms = Date.parse(at ?? '');
  return Number.isFinite(ms) ? msToSeconds(ms) : undefined;
}

/** How each VM is tuned: what an SRE wants to see beside a bad figure, and what the tuner changes. */
export const tuningGroup = {
  name: 'tuning',
  help: 'Tuning of each VM: pins, NUMA, huge pages, balloon period, caches, queues, limits.',
  byDefault: true,
  costs: "Nothing but the VM's XML, which is read once and after changes, and a small file of the tuner.",
  metrics: [
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_balloon_stats_period_seconds',
      help: 'Balloon stats period, in seconds; 0: the guest reports no memory statistics.',
      read: ({ memory }) => memory.balloonPeriodSeconds ?? 0,
    },
    {
      per: 'facts',
      type: 'info',
      name: 'libvirt_domain_features_info',
      help: 'Properties that limit migration, ballooning or page merging: confidential computing, TPM, memory backing, dirty ring, devices of the host (their number).',
      needs: 'one of these in the XML',
      when: ({ features }) => Object.values(features ?? {}).some((value) => value !== undefined),
      labels: {
        launch_security: ({ features }) => features?.launchSecurity,
        tpm: ({ features }) => features?.tpm,
        memory_source: ({ features }) => features?.memorySource,
        memory_access: ({ features }) => features?.memoryAccess,
        dirty_ring_size: ({ features }) => features?.dirtyRingSize?.toString(),
        host_devices: ({ features }) => features?.hostDevices?.toString(),
      },
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_vcpus_pinned',
      help: 'Pinned vCPUs.',
      read: ({ cpu }) => cpu.vcpuPins.size,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_emulator_pinned',
      help: '1 when the emulator threads are pinned.',
      read: ({ cpu }) => Number(cpu.emulatorPin !== undefined),
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_iothreads',
      help: 'iothreads of the domain.',
      read: ({ cpu }) => cpu.ioThreads.length,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_iothreads_pinned',
      help: 'Pinned iothreads.',
      read: ({ cpu }) => cpu.ioThreadPins.size,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_numa_cells',
      help: 'NUMA cells of the guest; 0: none defined.',
      read: ({ cpu }) => cpu.cells.length,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_cpu_sockets',
      help: 'CPU sockets of the guest.',
      needs: '<topology> in the XML',
      read: ({ cpu }) => cpu.topology?.sockets,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_cpu_cores',
      help: 'Cores per socket (or die) of the guest.',
      needs: '<topology> in the XML',
      read: ({ cpu }) => cpu.topology?.cores,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_cpu_threads',
      help: 'Threads per core of the guest.',
      needs: '<topology> in the XML',
      read: ({ cpu }) => cpu.topology?.threads,
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_memory_locked',
      help: '1 when the memory of the guest is locked (never swapped out).',
      read: ({ memory }) => Number(memory.locked),
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_memory_nosharepages',
      help: '1 when KSM is disabled for the guest.',
      read: ({ memory }) => Number(memory.noSharePages),
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_hugepages',
      help: '1 when the memory of the guest is on huge pages.',
      read: ({ memory }) => Number(memory.hugepages !== undefined),
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'libvirt_domain_hugepage_size_bytes',
      help: 'Huge page size of the guest (the largest if there are several), in bytes.',
      needs: "a size given in the XML; absent for the host's default size",
      read: ({ memory }) => {
        const sizes = (memory.hugepages ?? []).filter((size) => size !== 'default');
        return sizes.length === 0 ? undefined : kibToBytes(Math.max(...sizes));
      },
    },
    {
      per: 'facts',
      type: 'info',
      name: 'libvirt_domain_tuning_info',
      help: 'CPU and memory tuning of the domain, as labels.',
      labels: {
        type: ({ type }) => type,
        cpu_mode: ({ cpu }) => cpu.mode,
        cpu_model: ({ cpu }) => cpu.model,
        numa_mode: ({ memory }) => memory.numaMode,
        numa_nodeset: ({ memory }) => memory.numaNodeset?.toString(),
        balloon_model: ({ memory }) => memory.balloonModel,
      },
    },
    {
      per: 'facts',
      type: 'info',
      name: 'virtune_tuning_info',
      help: 'Profile that virtune tune applied to the domain, and the version of the profile.',
      needs: 'a VM that was tuned by virtune',
      when: ({ tuned }) => tuned !== undefined,
      labels: { profile: ({ tuned }) => tuned?.profile, version: ({ tuned }) => tuned?.version },
    },
    {
      per: 'facts',
      type: 'gauge',
      name: 'virtune_tuning_applied_timestamp_seconds',
      help: 'Time at which the profile was applied to the domain, in seconds since 1970.',
      needs: 'a VM that was tuned by virtune',
      read: ({ tuned }) => secondsOf(tuned?.at),
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_drift',
      help: '1 when the domain differs from its profile, in the running domain or in its definition.',
      needs: RECORDED,
      read: ({ found }) => flag(found?.isDrifted),
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_settings',
      help: 'Settings of a tuned domain by their state relative to its profile.',
      labels: ['standing'],
      values: { standing: DRIFT_STANDINGS },
      needs: RECORDED,
      points: ({ found }): Point[] =>
        found === undefined ? [] : DRIFT_STANDINGS.map((standing) => [[standing], found.settings[standing]]),
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_violations',
      help: 'Safety rules that a tuned domain breaks, by level: refuse for rules that no plan may break, warn for advice.',
      labels: ['level'],
      values: { level: DRIFT_LEVELS },
      needs: RECORDED,
      points: ({ found }): Point[] =>
        found === undefined ? [] : DRIFT_LEVELS.map((level) => [[level], found.violations[level]]),
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_checked_timestamp_seconds',
      help: 'Time at which the domain was last compared with its profile, in seconds since 1970.',
      needs: 'virtune tune drift --record or virtune tune watch --record, where the exporter runs',
      read: ({ checkedAtMs }) => scaled(checkedAtMs, msToSeconds),
    },
    {
      per: 'drift',
      type: 'info',
      name: 'virtune_tuning_effect_info',
      help: 'Result of the last experiment on the domain (virtune tune apply --measure): the deciding figure, the verdict, and whether the settings were kept.',
      needs: MEASURED,
      when: ({ effect }) => effect !== undefined,
      labels: {
        figure: ({ effect }) => effect?.figure,
        verdict: ({ effect }) => effect?.verdict,
        kept: ({ effect }) => (effect === undefined ? undefined : String(effect.isKept)),
      },
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_effect_ratio',
      help: 'The deciding figure with the settings / without them, in the last experiment on the domain; 1: no effect.',
      needs: MEASURED,
      read: ({ effect }) => effect?.ratio,
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_effect_low_ratio',
      help: 'Lower end of the 95 % interval of that effect.',
      needs: `${MEASURED} that excludes smaller effects`,
      read: ({ effect }) => effect?.low,
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_effect_high_ratio',
      help: 'Upper end of the 95 % interval of that effect.',
      needs: `${MEASURED} that excludes larger effects`,
      read: ({ effect }) => effect?.high,
    },
    {
      per: 'drift',
      type: 'gauge',
      name: 'virtune_tuning_effect_timestamp_seconds',
      help: 'Time at which that experiment ended, in seconds since 1970.',
      needs: MEASURED,
      read: ({ effect }) => scaled(effect?.measuredAtMs, msToSeconds),
    },
    {
      per: 'disk',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_backing_chain_depth',
      help: 'Depth of the backing chain: images below the active one.',
      read: (disk) => disk.backingDepth,
    },
    {
      per: 'disk',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_read_only',
      help: '1 when the disk is read-only.',
      read: (disk) => flag(disk.readOnly),
    },
    {
      per: 'disk',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_queues',
      help: 'Queues of the disk.',
      needs: 'queues given in the XML',
      read: (disk) => disk.queues,
    },
    {
      per: 'disk',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_iothread',
      help: 'Id of the iothread that serves the disk, if there is exactly one.',
      needs: 'one iothread given in the XML, of the disk or its SCSI controller',
      read: (disk) => (ioThreadsOf(disk).length === 1 ? ioThreadsOf(disk)[0] : undefined),
    },
    {
      per: 'disk',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_queue_iothread_info',
      help: 'Always 1: the iothread that serves this queue of the disk, or of its SCSI controller.',
      labels: ['queue', 'iothread'],
      needs: 'queues mapped to iothreads in the XML, individually or round-robin over a given number',
      since: '10.0.0',
      points: (disk): Point[] =>
        [...(disk.queueIoThreads ?? [])].map(([queue, id]) => [[String(queue), String(id)], 1]),
    },
    ...Object.entries(DISK_LIMITS).map(([field, name]) => ({
      per: 'disk' as const,
      type: 'gauge' as const,
      name: `libvirt_domain_block_stats_limit_${name}` as const,
      help: `Limit set on the disk (iotune ${field}), or the lowest of its throttle groups, ${unitOf(field)}.`,
      needs: 'the limit to be set',
      // libvirt reports 0 for no limit.
      read: (disk: { readonly limits: ReadonlyMap<string, number> }) => disk.limits.get(field) || undefined,
    })),
    {
      per: 'limitUse',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_limit_use_ratio',
      help: 'Used share of a disk limit since the previous sample, over at least 5 s; bursts may exceed 1. Disks that share limits in a group all show the use of the group; a disk with several throttle groups shows the highest.',
      labels: ['limit'],
      values: { limit: LIMIT_NAMES },
      needs: 'the block group, a limit, and a second sample',
      points: (use): Point[] => [...use].map(([limit, share]) => [[limit], share]),
    },
    {
      per: 'disk',
      type: 'gauge',
      name: 'libvirt_domain_block_stats_size_iops_bytes',
      help: 'Bytes that count as one request for request limits.',
      needs: 'the limit to be set',
      read: (disk) => disk.limits.get('size_iops_sec') || undefined,
    },
    {
      per: 'nic',
      type: 'gauge',
      name: 'libvirt_domain_interface_stats_queues',
      help: 'Queue pairs of the interface.',
      needs: 'queues given in the XML',
      read: (nic) => nic.queues,
    },
    {
      per: 'nic',
      type: 'gauge',
      name: 'libvirt_domain_interface_stats_limit_bytes_per_second',
      help: 'Bandwidth limit of the interface: average and peak, by direction as the guest sees it.',
      labels: ['direction', 'kind'],
      values: { direction: ['receive', 'transmit'], kind: ['average', 'peak'] },
      needs: 'a <bandwidth> in the XML',
      points: function* ({ bandwidth }): Generator<Point> {
        for (const [direction, limit] of [
          ['receive', bandwidth.inbound],
          ['transmit', bandwidth.outbound],
        ] as const) {
          const average = scaled(limit.averageKiB, kibToBytes);
          const peak = scaled(limit.peakKiB, kibToBytes);
          if (average !== undefined) yield [[direction, 'average'], average];
          if (peak !== undefined) yield [[direction, 'peak'], peak];
        }
      },
    },
  ],
} as const satisfies Group;

function unitOf(field: string): string {
  if (field.endsWith('_length')) return 'in seconds';
  return field.includes('bytes') ? 'in bytes per second' : 'in requests per second';
}
