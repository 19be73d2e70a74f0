import { CpuSet } from '../model/cpu-set.ts';
import type { SimulatedHost } from './host.ts';
import { knows, type Release } from './release.ts';
import type { HostCell, HostCpu } from './topology.ts';
import { aliasOf, EMULATOR, machinesOf } from './xml/machines.ts';

const SMALL_PAGE_KIB = 4;
const CACHE_MIB = 36;

/** The host's capabilities in libvirt's format: topology, distances, page pools, caches, machines. */
export function capabilitiesXml(host: SimulatedHost): string {
  const { coresPerSocket, threadsPerCore, sockets, diesPerSocket } = host.spec;
  const lines = [
    '<capabilities>',
    '',
    '  <host>',
    `    <uuid>${host.uuid}</uuid>`,
    '    <cpu>',
    '      <arch>x86_64</arch>',
    '      <model>Skylake-Server-IBRS</model>',
    '      <vendor>Intel</vendor>',
    `      <topology sockets='${sockets}' dies='${diesPerSocket}' ${clusters(host)}cores='${coresPerSocket / diesPerSocket}' threads='${threadsPerCore}'/>`,
    ...[SMALL_PAGE_KIB, ...host.hugepages.sizes].map((size) => `      <pages unit='KiB' size='${size}'/>`),
    '    </cpu>',
    '    <topology>',
    `      <cells num='${host.cells.length}'>`,
    ...host.cells.flatMap((cell) => cellLines(host, cell)),
    '      </cells>',
    '    </topology>',
    '    <cache>',
    ...cacheLines(host.cpus),
    '    </cache>',
    '    <secmodel>',
    '      <model>dac</model>',
    '      <doi>0</doi>',
    '    </secmodel>',
    '  </host>',
    '',
    '  <guest>',
    '    <os_type>hvm</os_type>',
    "    <arch name='x86_64'>",
    '      <wordsize>64</wordsize>',
    `      <emulator>${EMULATOR}</emulator>`,
    ...machineLines(host.release),
    "      <domain type='qemu'/>",
    "      <domain type='kvm'/>",
    '    </arch>',
    '  </guest>',
    '',
    '</capabilities>',
  ];
  return `${lines.join('\n')}\n`;
}

function cellLines(host: SimulatedHost, { id, cpus, memoryKiB, distances }: HostCell): string[] {
  const pooledKiB = host.hugepages.pooledKiB(id);
  const page = (size: number, count: number): string =>
    `          <pages unit='KiB' size='${size}'>${count}</pages>`;
  const own = host.cpus.filter((cpu) => cpus.has(cpu.id));
  return [
    `        <cell id='${id}'>`,
    `          <memory unit='KiB'>${memoryKiB}</memory>`,
    page(SMALL_PAGE_KIB, Math.floor((memoryKiB - pooledKiB) / SMALL_PAGE_KIB)),
    ...host.hugepages.sizes.map((size) => page(size, host.hugepages.total(id, size))),
    '          <distances>',
    ...distances.map((value, other) => `            <sibling id='${other}' value='${value}'/>`),
    '          </distances>',
    `          <cpus num='${own.length}'>`,
    ...own.map((cpu) => `            ${cpuLine(cpu, host.release)}`),
    '          </cpus>',
    '        </cell>',
  ];
}

const clusters = ({ release }: SimulatedHost): string =>
  knows(release, 'cpuClusters') ? "clusters='1' " : '';

/** An offline CPU has only its number. */
function cpuLine({ id, online, socket, die, core, siblings }: HostCpu, release: Release): string {
  // On most machines Linux has no cluster ID, and reports 65535.
  const cluster = knows(release, 'cpuClusters') ? " cluster_id='65535'" : '';
  return online
    ? `<cpu id='${id}' socket_id='${socket}' die_id='${die}'${cluster} core_id='${core}' siblings='${siblings}'/>`
    : `<cpu id='${id}'/>`;
}

function cacheLines(cpus: readonly HostCpu[]): string[] {
  const banks = new Map<number, number[]>();
  for (const { id, cache, online } of cpus) if (online) banks.set(cache, [...(banks.get(cache) ?? []), id]);
  return [...banks].map(
    ([id, sharing]) =>
      `      <bank id='${id}' level='3' type='both' size='${CACHE_MIB}' unit='MiB' cpus='${CpuSet.of(sharing)}'/>`,
  );
}

function machineLines(release: Release): string[] {
  return machinesOf(release).flatMap((machine) => {
    const alias = aliasOf(release, machine);
    const short = `      <machine canonical='${machine.name}' maxCpus='${machine.maxCpus}'>${alias}</machine>`;
    return [
      `      <machine maxCpus='${machine.maxCpus}'>${machine.name}</machine>`,
      ...(alias === undefined ? [] : [short]),
    ];
  });
}
