import type { CpuSet } from './cpu-set.ts';
import type { CpuFacts } from './domain/cpu.ts';
import type { MemoryFacts, PageRule } from './domain/memory.ts';
import { startKiB } from './domain/memory-devices.ts';
import { isHuge } from './huge-pools.ts';

/** Huge pages of one size that a domain takes at start, for the part of its memory with the same binding. */
export interface PageDemand {
  /** 'default': the host's default size. */
  readonly sizeKiB: number | 'default';
  readonly pages: number;
  /** Host cells that the pages must come from; absent: any. */
  readonly cells: CpuSet | undefined;
}

/** A part of a domain's memory, and where it must be. */
interface Part {
  readonly memoryKiB: number;
  readonly sizeKiB: number | 'default';
  readonly cells: CpuSet | undefined;
}

/** Modes that bind memory to its cells; the others only prefer them. */
const BINDING = new Set(['strict', 'restrictive']);
const KIB_PER_DEFAULT_PAGE = 2_048;

/**
 * What a domain's XML demands, by size and binding. A page of the default size counts as 2 MiB unless configured
 * otherwise, as on x86 and most Arm hosts.
 */
export function pageDemandsOf(
  { cpu, memory }: { readonly cpu: CpuFacts; readonly memory: MemoryFacts },
  defaultPageKiB = KIB_PER_DEFAULT_PAGE,
): PageDemand[] {
  // Fast path: true of most VMs, and this runs for each VM in each sample.
  if (memory.pageRules.length === 0 && (memory.devices ?? []).length === 0) return [];
  const demands = new Map<string, PageDemand>();
  for (const { memoryKiB, sizeKiB, cells } of [...partsOf(cpu, memory), ...deviceParts(memory)]) {
    const pageKiB = sizeKiB === 'default' ? defaultPageKiB : sizeKiB;
    if (pageKiB <= 0 || memoryKiB <= 0) continue;
    const key = `${sizeKiB} ${cells}`;
    const pages = (demands.get(key)?.pages ?? 0) + Math.ceil(memoryKiB / pageKiB);
    demands.set(key, { sizeKiB, pages, cells });
  }
  return [...demands.values()];
}

/** Memory that a domain has on huge pages, by its XML. A page of the default size counts as 2 MiB. */
export function hugePagesKiB(facts: { readonly cpu: CpuFacts; readonly memory: MemoryFacts }): number {
  return pageDemandsOf(facts).reduce(
    (kib, { sizeKiB, pages }) => kib + pages * (sizeKiB === 'default' ? KIB_PER_DEFAULT_PAGE : sizeKiB),
    0,
  );
}

/** Per guest cell, since each may have a different page size and host cell. */
function partsOf(cpu: CpuFacts, memory: MemoryFacts): Part[] {
  if (memory.pageRules.length === 0) return [];
  const bound = BINDING.has(memory.numaMode ?? '') ? memory.numaNodeset : undefined;
  const guestCells = cpu.cells.length > 0 ? cpu.cells : [{ id: 0, memoryKiB: memory.maximumKiB }];
  return guestCells.flatMap(({ id, memoryKiB }) => {
    const rule = ruleOf(memory, id);
    if (rule === undefined) return [];
    return [{ memoryKiB: memoryKiB ?? 0, sizeKiB: rule.sizeKiB, cells: memory.memNodes.get(id) ?? bound }];
  });
}

function ruleOf({ pageRules }: MemoryFacts, guestCell: number): PageRule | undefined {
  return (
    pageRules.find(({ guestCells }) => guestCells?.has(guestCell) === true) ??
    pageRules.find(({ guestCells }) => guestCells === undefined)
  );
}

/** Memory devices use their guest cell's page size, unless they set one (libvirt's qemuBuildMemoryBackendProps). */
function deviceParts(memory: MemoryFacts): Part[] {
  const bound = BINDING.has(memory.numaMode ?? '') ? memory.numaNodeset : undefined;
  return (memory.devices ?? []).flatMap((device) => {
    const guestCell = device.guestCell ?? 0;
    const sizeKiB = device.pageKiB ?? ruleOf(memory, guestCell)?.sizeKiB;
    // The host's base page size needs no pool.
    if (sizeKiB === undefined || (sizeKiB !== 'default' && !isHuge(sizeKiB))) return [];
    const cells = device.cells ?? memory.memNodes.get(guestCell) ?? bound;
    return [{ memoryKiB: startKiB(device), sizeKiB, cells }];
  });
}
