import { attr, child, children, type Element, wholeNumber } from '../xml.ts';

/** Properties of a domain that limit what can be done with it: live migration, ballooning, page merging. */
export interface DomainFeatures {
  /** Confidential computing: `sev`, `sev-snp`, `tdx`, `s390-pv`. */
  readonly launchSecurity: string | undefined;
  /** Version of the emulated TPM, or `passthrough` (the host's) or `external` (another program's). */
  readonly tpm: string | undefined;
  /** `anonymous`, `file` or `memfd`. */
  readonly memorySource: string | undefined;
  /** `shared` or `private`; `shared` where other processes can map the memory of any guest cell. */
  readonly memoryAccess: string | undefined;
  /** Entries of KVM's dirty ring per vCPU; absent where dirty pages are tracked by bitmap. */
  readonly dirtyRingSize: number | undefined;
  /** Host devices passed through to the guest, NICs included; absent where there are none, and in older recordings. */
  readonly hostDevices?: number | undefined;
}

export function parseFeatures(domain: Element): DomainFeatures {
  const backing = child(domain, 'memoryBacking');
  const backend = child(domain, 'devices', 'tpm', 'backend');
  const backendType = attr(backend, 'type');
  const dirtyRing = child(domain, 'features', 'kvm', 'dirty-ring');
  return {
    launchSecurity: word(attr(child(domain, 'launchSecurity'), 'type')),
    tpm: word(backendType === 'emulator' ? (attr(backend, 'version') ?? 'emulator') : backendType),
    memorySource: word(attr(child(backing, 'source'), 'type')),
    memoryAccess: word(memoryAccess(domain)),
    dirtyRingSize: attr(dirtyRing, 'state') === 'on' ? wholeNumber(attr(dirtyRing, 'size')) : undefined,
    hostDevices: hostDevices(child(domain, 'devices')) || undefined,
  };
}

/**
 * <hostdev> of any kind, NICs of type hostdev, and disks that QEMU drives itself (nvme, vhostvdpa). libvirt refuses
 * live migration with most of them; the others need the same device on the destination host.
 */
function hostDevices(devices: Element | undefined): number {
  const nics = children(devices, 'interface').filter((nic) =>
    ['hostdev', 'vdpa'].includes(attr(nic, 'type') ?? ''),
  );
  const disks = children(devices, 'disk').filter((disk) =>
    ['nvme', 'vhostvdpa'].includes(attr(disk, 'type') ?? ''),
  );
  return children(devices, 'hostdev').length + nics.length + disks.length;
}

/** A guest cell may override the domain's setting: `<cell memAccess>`. */
function memoryAccess(domain: Element): string | undefined {
  const whole = attr(child(domain, 'memoryBacking', 'access'), 'mode');
  const cells = children(child(domain, 'cpu', 'numa'), 'cell');
  if (cells.length === 0) return whole;
  const modes = new Set(cells.map((cell) => attr(cell, 'memAccess') ?? whole));
  return modes.has('shared') ? 'shared' : [...modes].find((access) => access !== undefined);
}

/** These become labels: libvirt has short words here, so anything else is reported as `unknown`. */
function word(value: string | undefined): string | undefined {
  return value === undefined || /^[\w.-]{1,32}$/.test(value) ? value : 'unknown';
}
