/**
 * Pages of each NUMA node that are available without swapping, computed like the kernel's own MemAvailable
 * (si_mem_available in mm/show_mem.c): free pages, plus what page cache and reclaimable slabs could free, minus
 * what the kernel reserves. /proc/zoneinfo has a node's caches once and its free pages by zone. A node without
 * cache figures is left out.
 */
export function parseZoneInfo(text: string): Map<number, number> {
  const available = new Map<number, number>();
  for (const [node, zones] of zonesByNode(text)) {
    const whole = zones.join('\n');
    const cachePages = total(whole, 'nr_active_file', 'nr_inactive_file');
    const slabPages = total(whole, 'nr_slab_reclaimable');
    if (cachePages === undefined || slabPages === undefined) continue;
    const freePages = total(whole, 'pages free') ?? 0;
    const lowPages = total(whole, 'low') ?? 0;
    const givenBack = (pages: number): number => pages - Math.min(pages / 2, lowPages);
    available.set(
      node,
      Math.max(0, Math.round(freePages - lowPages + givenBack(cachePages) + givenBack(slabPages))),
    );
  }
  return available;
}

function zonesByNode(text: string): Map<number, string[]> {
  const nodes = new Map<number, string[]>();
  for (const zone of text.split(/^(?=Node )/m)) {
    const id = /^Node (\d+),/.exec(zone)?.[1];
    if (id === undefined) continue;
    const zones = nodes.get(Number(id)) ?? [];
    zones.push(zone);
    nodes.set(Number(id), zones);
  }
  return nodes;
}

/** The sum of all lines with these names; undefined where there is none. */
function total(text: string, ...names: readonly string[]): number | undefined {
  const lines = [...text.matchAll(new RegExp(`^\\s+(?:${names.join('|')})\\s+(\\d+)$`, 'gm'))];
  return lines.length === 0 ? undefined : lines.reduce((sum, line) => sum + Number(line[1]), 0);
}
