import { bytes } from '../../model/format.ts';
import { memoryUsedKiB } from '../../model/stats/types.ts';
import { kibToBytes } from '../../model/units.ts';
import { REASONS } from '../model/reasons.ts';
import type { Vm } from '../model/vm.ts';
import { fitLine, type Line, type Role, type Span, span } from '../text/line.ts';
import { bar } from './bar.ts';

/**
 * A VM's memory as one bar of its maximum: what the guest uses, what it could return, what the balloon has reclaimed,
 * and how much of it is resident on the host.
 */
export function memoryLines(vm: Vm, width: number): Line[] {
  const { memoryKiB, maximumKiB, rssKiB } = vm.sample.summary;
  if (memoryKiB === undefined || maximumKiB === undefined || maximumKiB === 0) {
    return [[span('  not reported', 'missing')]];
  }
  const balloon = vm.stats?.balloon;
  const used = balloon && memoryUsedKiB(balloon);
  const taken = Math.max(0, maximumKiB - memoryKiB);
  const rest = Math.max(0, memoryKiB - (used ?? memoryKiB));
  const whole = maximumKiB;
  const parts: readonly { kib: number; role: Role; glyph: string; name: string }[] =
    used === undefined
      ? [
          { kib: memoryKiB, role: 'bar1', glyph: '|', name: 'balloon' },
          { kib: taken, role: 'bar2', glyph: '-', name: 'taken by the balloon' },
        ]
      : [
          { kib: used, role: 'bar1', glyph: '|', name: 'used' },
          { kib: rest, role: 'box', glyph: '.', name: 'usable' },
          { kib: taken, role: 'bar2', glyph: '-', name: 'taken by the balloon' },
        ];
  const legend: Span[] = [span('  ')];
  for (const { kib, role, glyph, name } of parts) {
    legend.push(span(`${glyph} `, role), span(`${name} ${bytes(kibToBytes(kib))}   `));
  }
  legend.push(span(`of ${bytes(kibToBytes(maximumKiB))}`, 'dim'));
  if (rssKiB !== undefined) legend.push(span(`   RSS ${bytes(kibToBytes(rssKiB))}`, 'dim'));
  const merged = vm.sample.local?.memoryMap?.ksmMergedBytes;
  if (merged !== undefined && merged > 0) legend.push(span(`   shared by KSM ${bytes(merged)}`, 'dim'));
  const why = vm.reasons.get('balloon');
  const lines = [
    fitLine(
      [
        span('  '),
        ...bar(
          parts.map(({ kib, role, glyph }) => ({ share: kib / whole, role, glyph })),
          Math.min(width - 4, 100),
        ),
      ],
      width,
    ),
    fitLine(legend, width),
  ];
  if (used === undefined && why !== undefined) {
    lines.push(
      fitLine([span(`  memory used by the guest is unknown: ${REASONS[why].text}`, 'missing')], width),
    );
  }
  return lines;
}
