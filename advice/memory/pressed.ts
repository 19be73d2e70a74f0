import { percent } from '../../model/format.ts';
import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { findOut } from '../no-change.ts';
import { pressureEvidence, waitsForMemory } from './host-short.ts';
import { memoryFacts } from './parts.ts';

/** Free share of a NUMA cell's memory below which the cell is full. */
const CELL_FREE = 0.05;

/** A host that swaps or waits for memory although it has enough: the memory use of its VMs is not the cause. */
export function hostPressed(context: Context): Advice {
  const { observation } = context;
  const full = fullCells(context);
  const cells = full.map(({ id, share }) => `cell ${id} with ${percent(100 * share)} % free`).join(', ');
  return {
    kind: 'host-memory-short',
    id: 'host-memory-short',
    severity: 'warn',
    title: `the host ${waitsForMemory(context) ? 'waits for memory' : 'swaps in'}, although its memory suffices`,
    victims: [],
    evidence: [...memoryFacts(context), ...pressureEvidence(context)],
    cause:
      full.length === 0
        ? 'unknown: swappiness, or a control group at its limit (memory.high, memory.max); the NUMA cells that are reported have free memory'
        : `NUMA cells are full: ${cells}. Memory that is bound to a cell cannot come from another`,
    culprits: [],
    remedies: [
      findOut(
        'find what waits: memory.pressure and memory.swap.current of the control groups, vm.swappiness, and what is bound to cells that are full (numastat -p)',
      ),
    ],
    // Tasks of the host wait; it is unknown whether those of VMs are among them.
    harm: observation.host.memoryPressure.median ?? 0,
  };
}

function fullCells({ observation }: Context): { readonly id: number; readonly share: number }[] {
  const cells = observation.newest.host?.cells ?? [];
  if (cells.length < 2) return [];
  return cells.flatMap(({ id, memoryKiB, availableKiB }) => {
    const total = memoryKiB.get('total') ?? 0;
    const free = availableKiB ?? memoryKiB.get('free');
    const share = free === undefined || total === 0 ? 1 : free / total;
    return share < CELL_FREE ? [{ id, share }] : [];
  });
}
