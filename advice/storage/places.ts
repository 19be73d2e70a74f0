import type { DiskSource } from '../../model/domain/disks.ts';
import type { PoolFigures } from '../../model/host.ts';
import { poolFinder } from '../../model/pool-of.ts';
import type { VmRef } from '../advice.ts';

/** A disk's source, and the VM that owns it. */
export interface Placed {
  readonly vm: VmRef;
  readonly source: DiskSource | undefined;
  readonly serial?: string | undefined;
}

/**
 * What disks share, as far as libvirt shows it: a pool, a folder, a cluster; a device is shared with no other disk. A
 * folder named after a single VM or disk is not a shared one: Nova uses /var/lib/nova/instances/UUID/disk, oVirt a
 * folder with the disk's serial.
 */
export class Places {
  readonly #poolOf: (source: DiskSource) => { readonly name: string } | undefined;
  /** UUIDs of the VMs with disks in or below a folder. */
  readonly #users = new Map<string, Set<string>>();

  constructor(pools: readonly Pick<PoolFigures, 'name' | 'path'>[], all: readonly Placed[]) {
    this.#poolOf = poolFinder(pools);
    for (const { vm, source } of all) {
      if (source?.kind !== 'file') continue;
      for (let folder = parentOf(source.name); folder !== ''; folder = parentOf(folder)) {
        const users = this.#users.get(folder) ?? new Set();
        this.#users.set(folder, users.add(vm.uuid));
      }
    }
  }

  storageOf({ vm, source, serial }: Placed): string {
    if (source === undefined) return 'unknown storage';
    const { kind, name, protocol } = source;
    if (kind === 'volume') return `pool ${name.split('/')[0]}`;
    const pool = this.#poolOf(source);
    if (pool !== undefined) return `pool ${pool.name}`;
    if (kind === 'file') return this.#sharedFolder(name, vm, serial);
    if (protocol !== undefined) return name.split('/')[0] ?? protocol;
    return name;
  }

  #sharedFolder(path: string, vm: VmRef, serial: string | undefined): string {
    const own = parentOf(path);
    for (let folder = own; folder !== '' && this.#users.get(folder)?.size === 1; folder = parentOf(folder)) {
      const parent = parentOf(folder);
      const name = folder.slice(parent.length + 1);
      const isOwn = name === vm.name || name === serial || name.includes(vm.uuid);
      if (parent !== '' && isOwn) return parent;
    }
    return own === '' ? '/' : own;
  }
}

/** The parent folder of a path; '' at the top level. */
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** Whether two disks may wait for the same device: only network storage is known to be separate from the host's own. */
export function mayShare(a: Placed & { readonly storage: string }, b: typeof a): boolean {
  const isOnHost = ({ source }: Placed): boolean => source?.protocol === undefined;
  return a.storage === b.storage || (isOnHost(a) && isOnHost(b));
}
