import { versionNumber } from './versions.ts';

/** Versions of a hypervisor host, as libvirt numbers them: major × 1,000,000 + minor × 1,000 + micro. */
export interface HostVersions {
  readonly libvirt: number;
  readonly qemu: number;
}

/** The first libvirt that has a feature and, where QEMU must have it too, the first QEMU. */
export interface Since {
  readonly libvirt: string;
  readonly qemu?: string;
}

/**
 * Changes in libvirt after 9.0 that virtune uses or must handle. Sources: NEWS.rst and libvirt's API description; the
 * contract tests compare each with real daemons (docs/compatibility.md). libvirt's header says "Since 11.9" for disk
 * statistics, but they came with 11.10.
 */
export const LIBVIRT_FEATURES = {
  /** Q35 machines get the watchdog of their chipset. */
  chipsetWatchdog: { libvirt: '9.1' },
  /** `<poll>` of an iothread in the definition, and setting it there. */
  storedIoThreadPolling: { libvirt: '9.4' },
  /** `<iothreads>` in a disk's `<driver>`: queues of virtio-blk on several iothreads. */
  diskQueueMapping: { libvirt: '10.0', qemu: '9.0' },
  /** CPU clusters in topologies of guest and host. */
  cpuClusters: { libvirt: '10.1' },
  /** `<iothreads>` in the `<driver>` of a virtio-scsi controller. */
  scsiQueueMapping: { libvirt: '11.2', qemu: '10.0' },
  /** Throttle groups of a domain and `<throttlefilters>` of disks. */
  throttleGroups: { libvirt: '11.2' },
  /** Event: a guest changed a NIC's address. */
  nicMacChange: { libvirt: '11.2' },
  /** Whether a domain starts only once, at the host's next boot. */
  autostartOnce: { libvirt: '11.2' },
  /** Load averages from the guest agent. */
  guestLoad: { libvirt: '11.2' },
  /** `guest` in nodeGetCpuStats. */
  hostGuestTime: { libvirt: '11.8' },
  /** A definition is refused if a Hyper-V enlightenment lacks another that it depends on. */
  hypervDependencies: { libvirt: '11.9' },
  /** `block.N.limits.*`. */
  blockLimits: { libvirt: '11.10', qemu: '10.2' },
  /** `block.N.timed_group.*`, and `<statistic interval>` in a disk's `<driver>`. */
  blockWindows: { libvirt: '11.10', qemu: '10.2' },
  /**
   * `block.N.latency_histogram.*`, and `<latency-histogram>` in a disk's `<driver>`. libvirt checks no QEMU capability:
   * every QEMU that it accepts supports them.
   */
  blockLatency: { libvirt: '12.1' },
  /** `available` in nodeGetMemoryStats. */
  hostAvailableMemory: { libvirt: '12.3' },
  /** `cpu.energy.monitor.*` of resctrl. */
  energyMonitors: { libvirt: '12.4' },
  /** Event: a vCPU was removed. */
  vcpuRemoved: { libvirt: '12.4' },
  /** `iothread.N.poll-weight`; libvirt requires QEMU's iothread property `poll-weight`. */
  pollWeight: { libvirt: '12.7', qemu: '11.1' },
  /** Devices from the guest agent. */
  guestDevices: { libvirt: '12.7' },
} as const satisfies Record<string, Since>;

export type LibvirtFeature = keyof typeof LIBVIRT_FEATURES;

export function isSince(versions: HostVersions, { libvirt, qemu }: Since): boolean {
  return (
    versions.libvirt >= versionNumber(libvirt) && (qemu === undefined || versions.qemu >= versionNumber(qemu))
  );
}
