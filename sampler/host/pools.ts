import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { CallResult } from '../../libvirt/calls/all.ts';
import type { PartStatus, PoolFigures, PoolReason, PoolSource } from '../../model/host.ts';
import { attr, child, children, parseXml, text } from '../../model/xml.ts';
import type { AnyRead, Background, BackgroundRead } from '../background-read.ts';
import type { SlowReads } from '../slow-reads.ts';
import type { AskHost } from './host-connections.ts';

type StoragePool = CallResult<'connectListAllStoragePools'>['pools'][number];
type PoolInfo = CallResult<'storagePoolGetInfo'>;

/** Asking libvirt is cheap, but it refreshes its own figures only on request. */
const REFRESH_MS = 30_000;
/** Pool usage changes slowly. */
const MAX_AGE_MS = 300_000;
/** virStoragePoolState: running. */
const RUNNING = 2;

/** statfs(2) */
const FUSE_SUPER_MAGIC = 0x65735546;

/** Pools that are a folder of a file system, whose usage the kernel knows (virStoragePoolType). */
const FOLDER_TYPES: ReadonlySet<string> = new Set(['dir', 'fs', 'netfs']);

export interface PoolsOptions {
  readonly ask: AskHost;
  readonly background: Background;
  readonly slowReads: SlowReads;
  /** Whether virtune runs on the host and sees its file systems under the same paths. */
  readonly isLocal: boolean;
  readonly steadyMs: () => number;
  readonly onFailure: (error: Error) => void;
  readonly onAnswer: () => void;
  /** statfs(2); default: on this machine. */
  readonly readRoom?: (path: string) => Promise<FileSystemRoom>;
}

/** A result of statfs(2). Sizes are in blocks: of `frsize` bytes, or of `bsize` if that is absent. */
export type FileSystemRoom = Pick<StatsFs, 'type' | 'bsize' | 'blocks' | 'bfree' | 'bavail'> & {
  readonly frsize?: number;
};

interface Room {
  readonly capacityBytes: number;
  readonly allocationBytes: number;
  readonly availableBytes: number;
}

interface Known {
  pool: StoragePool;
  readonly info: BackgroundRead<PoolInfo>;
  readonly source: BackgroundRead<PoolSource>;
  readonly room: BackgroundRead<Room>;
}

/**
 * Storage pools, each read separately: unresponsive storage of one does not cost the others their figures. libvirt
 * refreshes a pool only on request, which reads every volume and can block the pool for minutes, so virtune never
 * requests it; where it runs on the host, it asks the file system for its usage instead.
 */
export class Pools {
  readonly #options: PoolsOptions;
  readonly #list: BackgroundRead<readonly StoragePool[]>;
  readonly #known = new Map<string, Known>();

  constructor(options: PoolsOptions) {
    this.#options = options;
    const { ask, background, steadyMs, onFailure } = options;
    this.#list = background.add({
      read: async () => (await ask('connectListAllStoragePools', { needResults: 1, flags: 0 })).pools,
      refreshMs: REFRESH_MS,
      maxAgeMs: MAX_AGE_MS,
      steadyMs,
      onAnswer: (pools) => {
        this.#take(pools);
        options.onAnswer();
      },
      onFailure,
    });
  }

  startTick(): void {
    this.#list.start();
    for (const known of this.#known.values()) this.#start(known);
  }

  /** The status of the list; each pool has a separate reason. */
  get status(): PartStatus {
    return this.#list.status;
  }

  figures(): PoolFigures[] {
    return (this.#list.value ?? []).flatMap((pool) => {
      const known = this.#known.get(pool.uuid);
      return known === undefined ? [] : [figuresOf(known)];
    });
  }

  #take(pools: readonly StoragePool[]): void {
    const uuids = new Set(pools.map((pool) => pool.uuid));
    for (const [uuid, { info, source, room }] of this.#known) {
      if (uuids.has(uuid)) continue;
      this.#known.delete(uuid);
      for (const read of [info, source, room]) this.#options.background.remove(read);
    }
    for (const pool of pools) {
      const known = this.#known.get(pool.uuid) ?? this.#add(pool);
      known.pool = pool;
      this.#start(known);
    }
  }

  #add(pool: StoragePool): Known {
    const { ask, background, slowReads, steadyMs, readRoom = statfs } = this.#options;
    const aged = { maxAgeMs: MAX_AGE_MS, refreshMs: REFRESH_MS, steadyMs };
    const known: Known = {
      pool,
      info: background.add({ ...aged, read: () => ask('storagePoolGetInfo', { pool }) }),
      source: background.add({
        read: async () => sourceIn((await ask('storagePoolGetXmlDesc', { pool, flags: 0 })).xml),
        refreshMs: 10 * REFRESH_MS,
        maxAgeMs: Number.POSITIVE_INFINITY,
        steadyMs,
        onAnswer: () => this.#startRoom(known),
      }),
      room: background.add({
        ...aged,
        read: () => slowReads.run(() => roomOf(known.source.value?.path ?? '', readRoom)),
      }),
    };
    this.#known.set(pool.uuid, known);
    return known;
  }

  #start(known: Known): void {
    known.info.start();
    known.source.start();
    this.#startRoom(known);
  }

  /** Skips a pool that is not running: its folder may be an empty mount point. */
  #startRoom({ source, room, info }: Known): void {
    const { type, path } = source.value ?? {};
    if (!this.#options.isLocal || path === undefined || !FOLDER_TYPES.has(type ?? '')) return;
    if (info.value === undefined || info.value.state === RUNNING) room.start();
  }
}

function figuresOf({ pool, info, source, room }: Known): PoolFigures {
  const reported = info.value;
  const measured = reported?.state === undefined || reported.state === RUNNING ? room.value : undefined;
  // If statfs fails, e.g. on a path that this user may not see, libvirt's own figures are used.
  const usesRoom = measured !== undefined || room.pending !== undefined;
  const figures: Partial<Room> =
    measured ??
    // libvirt's own figures are frozen unless refreshed; for an inactive pool they are 0.
    (usesRoom || reported === undefined || reported.state !== RUNNING
      ? {}
      : {
          capacityBytes: Number(reported.capacityBytes),
          allocationBytes: Number(reported.allocationBytes),
          availableBytes: Number(reported.availableBytes),
        });
  return {
    name: pool.name,
    uuid: pool.uuid,
    state: reported?.state,
    capacityBytes: figures.capacityBytes,
    allocationBytes: figures.allocationBytes,
    availableBytes: figures.availableBytes,
    ageMs:
      figures.capacityBytes === undefined ? undefined : (measured === undefined ? info : room).status.ageMs,
    measuredBy:
      figures.capacityBytes === undefined ? undefined : measured === undefined ? 'libvirt' : 'statfs',
    path: source.value?.path,
    source: source.value,
    missing:
      figures.capacityBytes === undefined ? missingReason(reported, usesRoom ? room : info) : undefined,
  };
}

function missingReason(reported: PoolInfo | undefined, read: AnyRead): PoolReason {
  if (reported !== undefined && reported.state !== RUNNING) return 'not_running';
  return read.status.reason ?? 'not_asked_yet';
}

/**
 * Capacity and allocation as libvirt computes them on a refresh (virStorageBackendRefreshLocal) and df shows them.
 * Available excludes blocks reserved for root, as in df: ext4 reserves 5 % by default, and QEMU, which no distribution
 * runs as root, gets ENOSPC when only these are left. libvirt counts them as available. Rejects if sizes are unknown:
 * Node.js before 24 does not report the fragment size, which differs from the block size on FUSE only.
 */
async function roomOf(path: string, read: (path: string) => Promise<FileSystemRoom>): Promise<Room> {
  const size = await read(path);
  if (size.frsize === undefined && size.type === FUSE_SUPER_MAGIC) throw new Error(`${path} is on FUSE`);
  const unitBytes = size.frsize ?? size.bsize;
  return {
    capacityBytes: size.blocks * unitBytes,
    allocationBytes: (size.blocks - size.bfree) * unitBytes,
    availableBytes: size.bavail * unitBytes,
  };
}

/** What is missing from the XML, or XML that cannot be parsed, is absent: the pool has its figures anyway. */
function sourceIn(xml: string): PoolSource {
  try {
    const pool = parseXml('the storage pool', xml, 'pool');
    const source = child(pool, 'source');
    const hosts = children(source, 'host').flatMap((host) => attr(host, 'name') ?? []);
    return {
      type: attr(pool, 'type'),
      path: text(child(pool, 'target', 'path')),
      host: hosts.length === 0 ? undefined : hosts.join(','),
      directory: attr(child(source, 'dir'), 'path'),
      device: attr(child(source, 'device'), 'path'),
      name: text(child(source, 'name')),
    };
  } catch {
    return NO_SOURCE;
  }
}

const NO_SOURCE: PoolSource = {
  type: undefined,
  path: undefined,
  host: undefined,
  directory: undefined,
  device: undefined,
  name: undefined,
};
