import type { Advice } from '../advice.ts';
import type { Context } from '../context.ts';
import { memoryAdvice } from '../memory/balloon.ts';
import { balloonSilent, hugepagesShort, ksmDependence, smallPages } from '../memory/pages.ts';

/** Guests and hosts that lack memory, then what may cause that. */
export function memoryKinds(context: Context): Advice[] {
  return [memoryAdvice, hugepagesShort, ksmDependence, balloonSilent, smallPages].flatMap((find) =>
    find(context),
  );
}
