import { type Codec, hyper, int, optional, string, struct, uhyper, uint, type Value } from './wire/codec.ts';
import { domain, pool, typedParams } from './wire/types.ts';

export interface EventDeclaration {
  /** virDomainEventID or virStoragePoolEventID, used to register. */
  readonly id: number;
  /** The procedure number that the message arrives under. */
  readonly proc: number;
  /** What follows the callback id. */
  readonly payload: Codec<unknown>;
  readonly of: 'domain' | 'pool';
  /** The libvirt version that introduced it, as libvirt's number; absent: older than 9.0. */
  readonly since?: number;
}

const justDomain = struct({ domain });
const withAlias = struct({ domain, alias: string });
const blockJob = struct({ domain, disk: string, type: int, status: int });
const powerManagement = struct({ reason: int, domain });

/** Every event message, without its callback id. Source: remote_protocol.x, 9.0.0 to 12.9.0. */
export const events = {
  lifecycle: { of: 'domain', id: 0, proc: 318, payload: struct({ domain, event: int, detail: int }) },
  reboot: { of: 'domain', id: 1, proc: 319, payload: justDomain },
  rtcChange: { of: 'domain', id: 2, proc: 320, payload: struct({ domain, offsetSeconds: hyper }) },
  watchdog: { of: 'domain', id: 3, proc: 321, payload: struct({ domain, action: int }) },
  ioError: {
    of: 'domain',
    id: 4,
    proc: 322,
    payload: struct({ domain, path: string, alias: string, action: int }),
  },
  ioErrorReason: {
    of: 'domain',
    id: 6,
    proc: 324,
    payload: struct({ domain, path: string, alias: string, action: int, reason: string }),
  },
  controlError: { of: 'domain', id: 7, proc: 325, payload: justDomain },
  blockJob: { of: 'domain', id: 8, proc: 326, payload: blockJob },
  diskChange: {
    of: 'domain',
    id: 9,
    proc: 327,
    payload: struct({
      domain,
      oldPath: optional(string),
      newPath: optional(string),
      alias: string,
      reason: int,
    }),
  },
  trayChange: { of: 'domain', id: 10, proc: 328, payload: struct({ domain, alias: string, reason: int }) },
  pmWakeup: { of: 'domain', id: 11, proc: 329, payload: powerManagement },
  pmSuspend: { of: 'domain', id: 12, proc: 330, payload: powerManagement },
  balloonChange: { of: 'domain', id: 13, proc: 331, payload: struct({ domain, actualKiB: uhyper }) },
  pmSuspendDisk: { of: 'domain', id: 14, proc: 332, payload: powerManagement },
  deviceRemoved: { of: 'domain', id: 15, proc: 333, payload: withAlias },
  blockJob2: { of: 'domain', id: 16, proc: 339, payload: blockJob },
  tunable: { of: 'domain', id: 17, proc: 346, payload: struct({ domain, params: typedParams(2_048) }) },
  agentLifecycle: { of: 'domain', id: 18, proc: 348, payload: struct({ domain, state: int, reason: int }) },
  deviceAdded: { of: 'domain', id: 19, proc: 354, payload: withAlias },
  migrationIteration: { of: 'domain', id: 20, proc: 359, payload: struct({ domain, iteration: int }) },
  jobCompleted: { of: 'domain', id: 21, proc: 363, payload: struct({ domain, params: typedParams(64) }) },
  deviceRemovalFailed: { of: 'domain', id: 22, proc: 367, payload: withAlias },
  metadataChange: {
    of: 'domain',
    id: 23,
    proc: 379,
    payload: struct({ domain, type: int, uri: optional(string) }),
  },
  blockThreshold: {
    of: 'domain',
    id: 24,
    proc: 385,
    payload: struct({
      domain,
      device: string,
      path: optional(string),
      thresholdBytes: uhyper,
      excessBytes: uhyper,
    }),
  },
  memoryFailure: {
    of: 'domain',
    id: 25,
    proc: 423,
    payload: struct({ domain, recipient: int, action: int, flags: uint }),
  },
  memoryDeviceSize: {
    of: 'domain',
    id: 26,
    proc: 438,
    payload: struct({ domain, alias: string, sizeKiB: uhyper }),
  },
  nicMacChange: {
    of: 'domain',
    since: 11_002_000,
    id: 27,
    proc: 453,
    payload: struct({ domain, alias: string, oldMac: string, newMac: string }),
  },
  vcpuRemoved: {
    of: 'domain',
    since: 12_004_000,
    id: 28,
    proc: 454,
    payload: struct({ domain, vcpu: uint }),
  },
  channelLifecycle: {
    of: 'domain',
    since: 12_004_000,
    id: 29,
    proc: 455,
    payload: struct({ domain, channel: string, state: int, reason: int }),
  },
  poolLifecycle: { of: 'pool', id: 0, proc: 370, payload: struct({ pool, event: int, detail: int }) },
  poolRefresh: { of: 'pool', id: 1, proc: 373, payload: struct({ pool }) },
} as const satisfies Record<string, EventDeclaration>;

export type EventName = keyof typeof events;
export type EventPayload<N extends EventName> = Value<(typeof events)[N]['payload']>;

const byProcedure = new Map<number, EventName>(
  (Object.entries(events) as [EventName, EventDeclaration][]).map(([name, event]) => [event.proc, name]),
);

/** The event that arrives under this procedure number, or undefined. */
export function eventByProcedure(procedure: number): EventName | undefined {
  return byProcedure.get(procedure);
}

/** Whether older daemons lack this event: they refuse to register it (libvirt error 1), and never send it. */
export function isOfNewerLibvirt(name: EventName): boolean {
  return (events[name] as EventDeclaration).since !== undefined;
}

/** virConnectCloseReason: the message (procedure 362) that says why the daemon lost its own connection. */
export const CLOSE_EVENT_PROCEDURE = 362;
export const closeEventPayload = struct({ reason: int });
