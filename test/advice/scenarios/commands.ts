import { connect } from '../../../libvirt/client/connect.ts';
import type { Connection } from '../../../libvirt/client/connection.ts';
import { ParamType, type TypedParam } from '../../../libvirt/typed-params.ts';
import { CpuSet } from '../../../model/cpu-set.ts';
import type { World } from '../world.ts';

const LIVE = 1;
const CONFIG = 2;
const MAXIMUM = 4;

/** The libvirt calls behind the virsh commands that advice consists of. */
const COMMANDS: Readonly<
  Record<string, (connection: Connection, args: readonly string[], world: World) => Promise<unknown>>
> = {
  vcpupin: async (connection, [name = '', vcpu, cpus = '', ...rest], { daemon }) =>
    connection.call('domainPinVcpuFlags', {
      domain: await domainOf(connection, name),
      vcpu: Number(vcpu),
      map: CpuSet.parse(cpus).toBitmap(Math.ceil(daemon.host.cpus.length / 8)),
      flags: flagsOf(rest),
    }),
  schedinfo: async (connection, [name = '', , setting = '', ...rest]) => {
    const [field = '', value = ''] = setting.split('=');
    const type = field.endsWith('_quota') ? ParamType.llong : ParamType.ullong;
    return connection.call('domainSetSchedulerParametersFlags', {
      domain: await domainOf(connection, name),
      params: [{ field, type, value: BigInt(value) }],
      flags: flagsOf(rest),
    });
  },
  setmem: async (connection, [name = '', kib = '', ...rest]) =>
    connection.call('domainSetMemoryFlags', {
      domain: await domainOf(connection, name),
      memoryKiB: BigInt(kib),
      flags: flagsOf(rest),
    }),
  setmaxmem: async (connection, [name = '', kib = '', ...rest]) =>
    connection.call('domainSetMemoryFlags', {
      domain: await domainOf(connection, name),
      memoryKiB: BigInt(kib),
      flags: flagsOf(rest) | MAXIMUM,
    }),
  setvcpus: async (connection, [name = '', vcpus = '', ...rest]) =>
    connection.call('domainSetVcpusFlags', {
      domain: await domainOf(connection, name),
      vcpus: Number(vcpus),
      flags: flagsOf(rest),
    }),
  dommemstat: async (connection, [name = '', , seconds = '', ...rest]) =>
    connection.call('domainSetMemoryStatsPeriod', {
      domain: await domainOf(connection, name),
      periodSeconds: Number(seconds),
      flags: flagsOf(rest),
    }),
  blkdeviotune: async (connection, [name = '', disk = '', ...rest]) => {
    const params: TypedParam[] = [];
    rest.forEach((word, index) => {
      if (word === '--live' || !word.startsWith('--')) return;
      const field = word.slice(2).replaceAll('-', '_');
      params.push({ field, type: ParamType.ullong, value: BigInt(rest[index + 1] ?? 0) });
    });
    return connection.call('domainSetBlockIoTune', {
      domain: await domainOf(connection, name),
      disk,
      params,
      flags: flagsOf(rest),
    });
  },
  allocpages: async (connection, [sizeKiB, count, , cell, add]) =>
    connection.call('nodeAllocPages', {
      pageSizesKiB: [Number(sizeKiB)],
      counts: [BigInt(count ?? 0)],
      startCell: Number(cell),
      cellCount: 1,
      flags: add === '--add' ? 0 : 1,
    }),
};

/** Read-only commands, and those with an effect that no simulated guest notices. */
const HARMLESS = ['blockcommit', 'snapshot-list', 'domcontrol', 'domblkerror', 'domstate', 'domjobinfo'];

/** Runs a `virsh` command of advice on the simulated host. */
export async function runVirsh(world: World, argv: readonly string[]): Promise<void> {
  const [program, ...rest] = argv;
  const [command = '', ...args] = rest[0] === '-c' ? rest.slice(2) : rest;
  if (program !== 'virsh') throw new Error(`${program} is not virsh`);
  if (HARMLESS.includes(command)) return;
  const run = COMMANDS[command];
  if (run === undefined) throw new Error(`no test knows virsh ${command}`);
  const connection = await connect(world.uri, { readOnly: false });
  try {
    await run(connection, args, world);
  } finally {
    await connection.close();
  }
}

async function domainOf(connection: Connection, name: string) {
  return (await connection.call('domainLookupByName', { name })).domain;
}

function flagsOf(args: readonly string[]): number {
  return (args.includes('--live') ? LIVE : 0) | (args.includes('--config') ? CONFIG : 0);
}
