import { CpuSet } from '../../../model/cpu-set.ts';
import { parseDomainTree } from '../../../model/domain/domain-tree.ts';
import { attr, child, children, sizeKiB } from '../../../model/xml.ts';
import { readProcFile } from '../../../sampler/proc-file.ts';
import { TunerError } from '../../errors.ts';
import { quoted } from '../domain-run.ts';
import type { StepDomain } from '../step.ts';
import type { StepHost } from '../step-host.ts';
import { findProcess } from './process.ts';

const BASE_PAGE_KIB = 4;

/** Hugepages of a process by size and cell, from numa_maps (proc_pid_numa_maps(5)). */
export function hugePages(numaMaps: string): { pageKiB: number; cell: number; count: number }[] {
  const counts = new Map<string, { pageKiB: number; cell: number; count: number }>();
  for (const line of numaMaps.split('\n')) {
    const pageKiB = Number(/ kernelpagesize_kB=(\d+)/.exec(line)?.[1] ?? BASE_PAGE_KIB);
    if (pageKiB === BASE_PAGE_KIB) continue;
    for (const [, node, pages] of line.matchAll(/ N(\d+)=(\d+)/g)) {
      const key = `${pageKiB} ${node}`;
      const count = (counts.get(key)?.count ?? 0) + Number(pages);
      counts.set(key, { pageKiB, cell: Number(node), count });
    }
  }
  return [...counts.values()];
}

/** Where the huge pages of a domain are, and whether that is as configured. */
export async function verifyMemory(
  host: StepHost,
  domain: StepDomain,
  liveXml: string,
): Promise<readonly string[]> {
  const root = parseDomainTree(`the XML of domain ${quoted(domain)}`, liveXml);
  const backing = child(root, 'memoryBacking');
  const wanted = child(backing, 'hugepages');
  const onDemand = attr(child(backing, 'allocation'), 'mode') === 'ondemand';
  const process = await findProcess(host, domain);
  const maps = process && readProcFile(`${process.folder}/numa_maps`);
  if (process === undefined || maps === undefined || maps === '') return [];
  const found = hugePages(maps);
  const seen = found.map(
    ({ pageKiB, cell, count }) => `process ${process.pid}: ${count} pages of ${pageKiB} KiB on cell ${cell}`,
  );
  if (wanted === undefined || onDemand) return seen;
  const sizes = children(wanted, 'page').map((page) => sizeKiB(attr(page, 'size'), attr(page, 'unit')));
  const missing = sizes.filter((size) => !found.some(({ pageKiB }) => pageKiB === size));
  if (found.length === 0 || missing.length > 0) {
    throw new TunerError(
      'TUNE_READ_BACK',
      `domain ${quoted(domain)} should have all memory in huge pages${missing.length > 0 ? ` of ${missing.join(', ')} KiB` : ''}, but /proc/${process.pid}/numa_maps shows ${seen.length === 0 ? 'none' : seen.join('; ')}`,
    );
  }
  const memory = child(root, 'numatune', 'memory');
  const nodeset = attr(memory, 'mode') === 'strict' ? attr(memory, 'nodeset') : undefined;
  const astray = nodeset === undefined ? [] : found.filter(({ cell }) => !CpuSet.parse(nodeset).has(cell));
  if (astray.length === 0) return seen;
  throw new TunerError(
    'TUNE_READ_BACK',
    `domain ${quoted(domain)} should have all memory on cells ${nodeset}, but ${seen.join('; ')}`,
  );
}
