/**
 * What libvirt knows about a domain without asking its QEMU, so that it is available even when QEMU hangs: from
 * domainGetInfo, domainGetCpuStats and filtered lists.
 */
export interface DomainSummary {
  readonly uuid: string;
  /** virDomainState, and the reason (numbered per state). */
  readonly state: number | undefined;
  readonly reason: number | undefined;
  readonly maximumKiB: number | undefined;
  /** Memory currently assigned to the domain, not what its guest uses of it. */
  readonly memoryKiB: number | undefined;
  readonly vcpus: number | undefined;
  /** Resident memory of its QEMU, without huge pages; absent where neither /proc nor libvirt reports it. */
  readonly rssKiB?: number | undefined;
  readonly cpuTimeNs: number | undefined;
  /** When the CPU time was read, wall clock: rates need the exact time. */
  readonly cpuTimeAtMs?: number | undefined;
  readonly userNs: number | undefined;
  readonly systemNs: number | undefined;
  readonly marks: DomainMarks | undefined;
  /** Whether it starts only once, at the host's next boot; absent before libvirt 11.2. */
  readonly autostartOnce?: boolean | undefined;
  /** Where its vCPUs run; only when requested. */
  readonly places?: readonly VcpuPlace[] | undefined;
}

export interface VcpuPlace {
  readonly vcpu: number;
  /** CPU of the host; -1 when libvirt does not know. */
  readonly cpu: number;
}

/** From filters of the domain list, one call each for the whole host. */
export interface DomainMarks {
  readonly persistent: boolean;
  readonly autostart: boolean;
  readonly managedSave: boolean;
  readonly hasSnapshot: boolean;
}
