import { CpuSet } from '../../model/cpu-set.ts';
import { attr, child, children, type Element, sizeKiB, wholeNumber } from '../../model/xml.ts';
import { DETAIL, type Rule, UNSUPPORTED, UNSUPPORTED_BY_QEMU, XML_ERROR } from './rule.ts';

const guestCells = (domain: Element): number => children(child(domain, 'cpu', 'numa'), 'cell').length;

/** Checks of where memory comes from. */
export const memoryRules: readonly Rule[] = [
  [
    UNSUPPORTED,
    (domain) => {
      const modes = ['strict', 'preferred', 'interleave', 'restrictive'];
      const bad = children(child(domain, 'numatune'))
        .flatMap((each) => attr(each, 'mode') ?? [])
        .find((mode) => !modes.includes(mode));
      return bad === undefined ? undefined : `Unsupported NUMA memory tuning mode '${bad}'`;
    },
  ],
  [
    UNSUPPORTED,
    (domain) => {
      const memory = child(domain, 'numatune', 'memory');
      const isStatic =
        attr(memory, 'placement') !== 'auto' && attr(child(domain, 'vcpu'), 'placement') !== 'auto';
      return memory !== undefined && attr(memory, 'nodeset') === undefined && isStatic
        ? "nodeset for NUMA memory tuning must be set if 'placement' is 'static'"
        : undefined;
    },
  ],
  [
    XML_ERROR,
    (domain) => {
      const nodes = children(child(domain, 'numatune'), 'memnode');
      const cells = guestCells(domain);
      if (nodes.length === 0) return undefined;
      if (cells === 0) return "Element 'memnode' is invalid without any guest NUMA cells";
      return nodes.some((node) => (wholeNumber(attr(node, 'cellid')) ?? 0) >= cells)
        ? "Argument 'cellid' in memnode element must correspond to existing guest's NUMA cell"
        : undefined;
    },
  ],
  [UNSUPPORTED_BY_QEMU, hugepagesAgainstBacking],
  [DETAIL, masterPages],
];

function hugepagesAgainstBacking(domain: Element): string | undefined {
  const backing = child(domain, 'memoryBacking');
  if (child(backing, 'hugepages') === undefined) return undefined;
  if (attr(child(backing, 'allocation'), 'mode') === 'ondemand')
    return 'hugepages are not allowed with memory allocation ondemand';
  return attr(child(backing, 'source'), 'type') === 'anonymous'
    ? 'hugepages are not allowed with anonymous memory source'
    : undefined;
}

/** Checks that `<page>` elements name existing guest cells, and that only one is the default for the rest. */
function masterPages(domain: Element): string | undefined {
  const pages = children(child(domain, 'memoryBacking', 'hugepages'), 'page');
  const last = Math.max(1, guestCells(domain)) - 1;
  for (const page of pages) {
    const missing = [...CpuSet.parse(attr(page, 'nodeset') ?? '')].find((cell) => cell > last);
    if (missing !== undefined) return `hugepages: node ${missing} not found`;
  }
  const master = pages
    .filter((page) => attr(page, 'nodeset') === undefined)
    .map((page) => sizeKiB(attr(page, 'size'), attr(page, 'unit')));
  return master.length > 1 ? `two master hugepages detected: ${master[1]} and ${master[0]}` : undefined;
}
