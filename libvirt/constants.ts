/** virErrorNumber: the codes that callers act on. */
export const ErrorCode = {
  internal: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArg: 8,
  operationFailed: 9,
  xmlError: 27,
  operationDenied: 29,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  noStoragePool: 49,
  noStorageVol: 50,
  operationInvalid: 55,
  noSecret: 66,
  configUnsupported: 67,
  operationTimeout: 68,
  noDomainSnapshot: 72,
  argumentUnsupported: 74,
  authCancelled: 79,
  noDomainMetadata: 80,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  resourceBusy: 87,
  accessDenied: 88,
  authUnavailable: 94,
  deviceMissing: 99,
  agentCommandTimeout: 112,
  agentCommandFailed: 113,
} as const;

/** virErrorDomain, as far as this client uses it. */
export const ErrorDomain = { none: 0, rpc: 7, qemu: 10, domain: 20 } as const;

/** virSecretUsageType */
export const SecretUsage = { volume: 1, ceph: 2, iscsi: 3, tls: 4, vtpm: 5 } as const;

/** remote_auth_type */
export const AuthType = { none: 0, sasl: 1, polkit: 2 } as const;

/** VIR_DRV_FEATURE_*, as far as a client may query them. */
export const Feature = { programKeepalive: 10, remoteEventCallback: 14, remoteCloseCallback: 15 } as const;

/** virConnectFlags */
export const ConnectFlag = { readOnly: 1 } as const;

/** virDomainStatsTypes */
export const StatsGroup = {
  state: 1,
  cpu: 2,
  balloon: 4,
  vcpu: 8,
  interface: 16,
  block: 32,
  perf: 64,
  ioThread: 128,
  memory: 256,
  dirtyRate: 512,
  vm: 1024,
} as const;

/** virConnectGetAllDomainStatsFlags; written as positive 32-bit numbers. */
export const StatsFlag = { noWait: 0x2000_0000, backing: 0x4000_0000, enforce: 0x8000_0000 } as const;

/** virConnectListAllDomainsFlags */
export const ListFlag = {
  active: 1,
  inactive: 2,
  persistent: 4,
  transient: 8,
  running: 16,
  paused: 32,
  shutoff: 64,
  other: 128,
  managedSave: 256,
  noManagedSave: 512,
  autostart: 1024,
  noAutostart: 2048,
  hasSnapshot: 4096,
  noSnapshot: 8192,
} as const;

/** virDomainJobType */
export const JobType = { none: 0, bounded: 1, unbounded: 2, completed: 3 } as const;

/** virDomainGetJobStatsFlags; reading a completed job clears it unless `keepCompleted` is set. */
export const JobStatsFlag = { completed: 1, keepCompleted: 2 } as const;

/** virDomainGuestInfoTypes */
export const GuestInfoType = {
  users: 1,
  os: 2,
  timezone: 4,
  hostname: 8,
  filesystem: 16,
  disks: 32,
  interfaces: 64,
  /** Since 11.2. */
  load: 128,
  /** Since 12.7. */
  devices: 256,
} as const;

/** virDomainXMLFlags */
export const XmlFlag = { secure: 1, inactive: 2, updateCpu: 4, migratable: 8 } as const;

/** virDomainModificationImpact */
export const Impact = { current: 0, live: 1, config: 2 } as const;

/** virDomainMetadataType */
export const MetadataType = { description: 0, title: 1, element: 2 } as const;

/** virDomainDefineFlags */
export const DefineFlag = { validate: 1 } as const;

/** virDomainCreateFlags */
export const CreateFlag = { paused: 1 } as const;

/** VIR_DOMAIN_MEMORY_PARAM_UNLIMITED, in KiB: no limit. */
export const MEMORY_UNLIMITED_KIB = 9_007_199_254_740_991;

/** virTypedParameterFlags: without it, getters omit string values. */
export const PARAM_STRING_OKAY = 4;

/** virDomainState */
export const DomainState = {
  none: 0,
  running: 1,
  blocked: 2,
  paused: 3,
  shutdown: 4,
  shutoff: 5,
  crashed: 6,
  pmSuspended: 7,
} as const;

/**
 * virDomainShutoffReason, as far as this client uses it. `unknown`: the domain has not run since libvirtd was started.
 * `daemon`: libvirtd could not reconnect to its QEMU, and killed it.
 */
export const ShutoffReason = {
  unknown: 0,
  shutdown: 1,
  destroyed: 2,
  crashed: 3,
  migrated: 4,
  saved: 5,
  failed: 6,
  daemon: 8,
} as const;

/** virDomainUndefineFlagsValues, as far as this client uses them. `keepTpm`: since libvirt 8.9. */
export const UndefineFlag = { keepNvram: 8, keepTpm: 64 } as const;

/** virDomainPausedReason, as far as this client uses it. */
export const PausedReason = {
  user: 1,
  migration: 2,
  save: 3,
  dump: 4,
  ioError: 5,
  fromSnapshot: 7,
  snapshot: 9,
  startingUp: 11,
  postCopy: 12,
} as const;

/** virDomainControlState */
export const ControlState = { ok: 0, job: 1, occupied: 2, error: 3 } as const;

/** virDomainEventType, the first number of a lifecycle event. */
export const LifecycleEvent = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** virDomainEventStoppedDetailType, as far as used here. `failed`: QEMU died, or an incoming migration did. */
export const StoppedDetail = { crashed: 2, failed: 5 } as const;

/** virDomainEventSuspendedDetailType, as far as this client uses it. */
export const SuspendedDetail = { migrated: 1, postCopy: 7 } as const;
