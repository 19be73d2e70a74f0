import type { Connection } from '../../../libvirt/client/connection.ts';
import { ParamType } from '../../../libvirt/typed-params.ts';
import type { Domain } from '../../../libvirt/wire/types.ts';
import type { VmInput } from './draft.ts';

const LIVE = 1;

async function domainOf(connection: Connection, { name }: VmInput): Promise<Domain> {
  return (await connection.call('domainLookupByName', { name })).domain;
}

/** Like `virsh setmem`, with a share of the VM's maximum. */
export async function setMemory(connection: Connection, vm: VmInput, share: number): Promise<void> {
  await connection.call('domainSetMemoryFlags', {
    domain: await domainOf(connection, vm),
    memoryKiB: BigInt(Math.round(vm.memoryMiB * 1_024 * share)),
    flags: LIVE,
  });
}

/** Like `virsh blkdeviotune --total-bytes-sec`. */
export async function setIoTune(
  connection: Connection,
  vm: VmInput,
  disk: string,
  bytesPerSecond: number,
): Promise<void> {
  await connection.call('domainSetBlockIoTune', {
    domain: await domainOf(connection, vm),
    disk,
    params: [{ field: 'total_bytes_sec', type: ParamType.ullong, value: BigInt(bytesPerSecond) }],
    flags: LIVE,
  });
}
