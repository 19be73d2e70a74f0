import {
  ControlState,
  DomainState,
  ErrorCode,
  JobStatsFlag,
  JobType,
  ListFlag,
  StatsFlag,
  StatsGroup,
  XmlFlag,
} from '../../libvirt/constants.ts';
import { ParamType } from '../../libvirt/typed-params.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CallFailure } from '../call-failure.ts';
import { balloonFigures, statsOf } from '../stats.ts';
import type { SimulatedVm } from '../vm.ts';
import { find, type HandlerContext, type Handlers, invalid, requireActive } from './context.ts';

/** virDomainMemoryStatTags, in the driver's order. */
const MEMORY_TAGS: Readonly<Record<string, number>> = {
  swap_in: 0,
  swap_out: 1,
  major_fault: 2,
  minor_fault: 3,
  unused: 4,
  available: 5,
  usable: 8,
  'last-update': 9,
  disk_caches: 10,
  hugetlb_pgalloc: 11,
  hugetlb_pgfail: 12,
  rss: 7,
};

/** Flags of one group are alternatives; a group without any of its flags set does not filter. */
const LIST_GROUPS: readonly (readonly [flag: number, test: (vm: SimulatedVm) => boolean])[][] = [
  [
    [ListFlag.active, (vm) => vm.active],
    [ListFlag.inactive, (vm) => !vm.active],
  ],
  [
    [ListFlag.persistent, (vm) => vm.persistent],
    [ListFlag.transient, (vm) => !vm.persistent],
  ],
  [
    [ListFlag.running, (vm) => vm.state === DomainState.running],
    [ListFlag.paused, (vm) => vm.state === DomainState.paused],
    [ListFlag.shutoff, (vm) => vm.state === DomainState.shutoff],
    [ListFlag.other, (vm) => vm.state > DomainState.shutoff],
  ],
  [
    [ListFlag.autostart, autostarts],
    [ListFlag.noAutostart, (vm) => !autostarts(vm)],
  ],
  // No simulated VM has a saved state.
  [
    [ListFlag.managedSave, () => false],
    [ListFlag.noManagedSave, () => true],
  ],
  [
    [ListFlag.hasSnapshot, (vm) => vm.snapshots.size > 0],
    [ListFlag.noSnapshot, (vm) => vm.snapshots.size === 0],
  ],
];

function autostarts(vm: SimulatedVm): boolean {
  return vm.spec.workload === 'oltp';
}

/** @param flags ListFlag.* */
function isListed(vm: SimulatedVm, flags: number): boolean {
  return LIST_GROUPS.every((group) => {
    const asked = group.filter(([flag]) => (flags & flag) !== 0);
    return asked.length === 0 || asked.some(([, test]) => test(vm));
  });
}

function found(vm: SimulatedVm | undefined, what: string): { domain: Domain } {
  if (vm === undefined) throw new CallFailure(ErrorCode.noDomain, `Domain not found: ${what}`);
  return { domain: vm.domain };
}

/**
 * Whether the call has access to the monitor. State alone does not need it; other groups wait for a hung monitor. With
 * NOWAIT, no call waits for a held job; a call that does not get the job continues without the monitor
 * (qemuConnectGetAllDomainStats).
 */
async function hasMonitor(
  { faults }: HandlerContext,
  vm: SimulatedVm,
  stats: number,
  flags: number,
): Promise<boolean> {
  if (!vm.active || stats === StatsGroup.state) return true;
  if ((flags & StatsFlag.noWait) !== 0 && faults.isJobHeld(vm)) return false;
  try {
    await faults.monitor(vm);
    return true;
  } catch {
    return false;
  }
}

export const domainHandlers: Handlers = {
  connectListAllDomains({ host }, { needResults, flags }) {
    const domains = host.vms.filter((vm) => isListed(vm, flags)).map((vm) => vm.domain);
    return { domains: needResults === 0 ? [] : domains, count: domains.length };
  },
  async connectGetAllDomainStats(context, { domains, stats, flags }) {
    const { host } = context;
    // A domain that no longer exists is omitted without an error (virDomainObjListConvert, skip_missing).
    const vms = domains.length === 0 ? host.vms : domains.flatMap(({ uuid }) => host.byUuid(uuid) ?? []);
    const records = [];
    for (const vm of vms.filter((each) => isListed(each, flags))) {
      records.push({
        domain: vm.domain,
        params: statsOf(vm, stats, await hasMonitor(context, vm, stats, flags)),
      });
    }
    return { records };
  },
  domainLookupById: ({ host }, { id }) =>
    found(
      host.vms.find((vm) => vm.id === id && id !== -1),
      `no domain with matching id ${id}`,
    ),
  domainLookupByName: ({ host }, { name }) =>
    found(host.byName(name), `no domain with matching name '${name}'`),
  domainLookupByUuid: ({ host }, { uuid }) =>
    found(host.byUuid(uuid), `no domain with matching uuid '${uuid}'`),
  domainGetXmlDesc: (context, { domain, flags }) => ({
    xml: find(context, domain).xml({
      inactive: (flags & XmlFlag.inactive) !== 0,
      secure: (flags & XmlFlag.secure) !== 0,
    }),
  }),
  domainGetInfo(context, { domain }) {
    const vm = find(context, domain);
    return {
      state: vm.state,
      maxMemKiB: vm.facts.maximumKiB,
      memoryKiB: vm.balloonKiB,
      vcpus: vm.facts.vcpusCurrent,
      cpuTimeNs: vm.active
        ? vm.vcpus.reduce((sum, vcpu) => sum + vcpu.timeNs, vm.cpuUserNs + vm.cpuSystemNs)
        : 0,
    };
  },
  domainGetState(context, { domain }) {
    const { state, reason } = find(context, domain);
    return { state, reason };
  },
  domainIsActive: (context, { domain }) => ({ active: find(context, domain).active }),
  domainIsPersistent: (context, { domain }) => ({ persistent: find(context, domain).persistent }),
  domainGetAutostart: (context, { domain }) => ({
    autostart: autostarts(find(context, domain)),
  }),
  domainGetAutostartOnce: (context, { domain }) => ({
    autostart: find(context, domain).spec.autostartOnce,
  }),
  async domainMemoryStats(context, { domain, maxStats }) {
    const vm = find(context, domain);
    requireActive(vm);
    await context.faults.monitor(vm);
    const stats = [{ tag: 6, value: vm.balloonKiB }];
    for (const [name, value] of Object.entries(balloonFigures(vm))) {
      const tag = MEMORY_TAGS[name];
      if (tag !== undefined) stats.push({ tag, value });
    }
    return { stats: stats.slice(0, maxStats) };
  },
  domainGetCpuStats(context, { domain, nparams, startCpu }) {
    const vm = find(context, domain);
    requireActive(vm);
    if (startCpu !== -1) throw invalid('only the total of all CPUs is supported here');
    const ns = (field: string, value: number) => ({ field, type: ParamType.ullong, value });
    const totalNs = vm.vcpus.reduce((sum, vcpu) => sum + vcpu.timeNs, vm.cpuUserNs + vm.cpuSystemNs);
    const params = [
      ns('cpu_time', totalNs),
      ns('user_time', vm.cpuUserNs),
      ns('system_time', vm.cpuSystemNs),
    ];
    return { params: params.slice(0, nparams), nparams: params.length };
  },
  async domainBlockStatsFlags(context, { domain, path, nparams }) {
    const vm = find(context, domain);
    requireActive(vm);
    await context.faults.monitor(vm);
    const index = vm.facts.disks.findIndex(({ target }) => target === path);
    const disk = vm.disks[index];
    if (disk === undefined) throw invalid(`invalid path: ${path}`);
    const params = Object.entries({
      rd_bytes: disk.readBytes,
      rd_operations: disk.readRequests,
      rd_total_times: disk.readNs,
      wr_bytes: disk.writeBytes,
      wr_operations: disk.writeRequests,
      wr_total_times: disk.writeNs,
      flush_operations: disk.flushRequests,
      flush_total_times: disk.flushNs,
    }).map(([field, value]) => ({ field, type: ParamType.llong, value }));
    return { params: params.slice(0, nparams), nparams: params.length };
  },
  domainGetBlockInfo(context, { domain, path }) {
    const disk = find(context, domain).facts.disks.find(({ target }) => target === path);
    if (disk === undefined) throw invalid(`invalid path ${path} not assigned to domain`);
    const capacityBytes = disk.sizeGiB * 2 ** 30;
    const allocationBytes = Math.round(capacityBytes * 0.6);
    return {
      allocationBytes,
      capacityBytes,
      physicalBytes: disk.format === 'raw' ? capacityBytes : allocationBytes,
    };
  },
  domainInterfaceStats(context, { domain, device }) {
    const vm = find(context, domain);
    requireActive(vm);
    const nic = vm.nics.find((_, index) => vm.nicName(index) === device);
    if (nic === undefined) throw invalid(`'${device}' is not a known interface`);
    return { ...nic, rxErrors: 0, txErrors: 0, txDrops: 0 };
  },
  domainGetPerfEvents: (context, { domain }) => {
    find(context, domain);
    return { params: [] };
  },
  domainGetJobInfo(context, { domain }) {
    requireActive(find(context, domain));
    return {
      type: 0,
      timeElapsedMs: 0,
      timeRemainingMs: 0,
      dataTotalBytes: 0,
      dataProcessedBytes: 0,
      dataRemainingBytes: 0,
      memTotalBytes: 0,
      memProcessedBytes: 0,
      memRemainingBytes: 0,
      fileTotalBytes: 0,
      fileProcessedBytes: 0,
      fileRemainingBytes: 0,
    };
  },
  async domainGetJobStats(context, { domain, flags }) {
    const vm = find(context, domain);
    // Completed jobs are reported without asking QEMU (qemuDomainGetJobStats).
    if (vm.active && (flags & JobStatsFlag.completed) === 0) await context.faults.monitor(vm);
    const job = context.faults.runningJob(vm);
    if (job === undefined || (flags & JobStatsFlag.completed) !== 0)
      return { type: JobType.none, params: [] };
    return {
      type: JobType.unbounded,
      params: [
        { field: 'operation', type: ParamType.int, value: job.operation },
        { field: 'time_elapsed', type: ParamType.ullong, value: Math.round(performance.now() - job.sinceMs) },
      ],
    };
  },
  domainGetBlockJobInfo(context, { domain }) {
    requireActive(find(context, domain));
    return { found: false, type: 0, bandwidth: 0, current: 0, end: 0 };
  },
  domainGetControlInfo(context, { domain }) {
    const vm = find(context, domain);
    requireActive(vm);
    const jobMs = context.faults.asyncJobForMs(vm);
    if (jobMs !== undefined) return { state: ControlState.job, details: 0, stateTimeMs: Math.round(jobMs) };
    const hungMs = context.faults.hungForMs(vm);
    return hungMs === undefined
      ? { state: ControlState.ok, details: 0, stateTimeMs: 0 }
      : { state: ControlState.occupied, details: 0, stateTimeMs: Math.round(hungMs) };
  },
  domainGetDiskErrors(context, { domain }) {
    const vm = find(context, domain);
    requireActive(vm);
    const failed = vm.state === DomainState.paused ? vm.facts.disks.slice(0, 1) : [];
    return { errors: failed.map((disk) => ({ disk: disk.target, error: 1 })), count: failed.length };
  },
  domainGetMessages: (context, { domain }) => {
    find(context, domain);
    return { messages: [] };
  },
};
