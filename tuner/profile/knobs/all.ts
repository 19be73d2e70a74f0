import type { Knob } from '../knob.ts';
import { cpuKnobs } from './cpu.ts';
import { diskKnobs } from './disks.ts';
import { guestKnobs } from './guest.ts';
import { ioThreadKnobs } from './iothreads.ts';
import { memoryKnobs } from './memory.ts';
import { nicKnobs } from './nics.ts';
import { placementKnobs } from './placement.ts';
import { scsiKnobs } from './scsi.ts';

/** Everything that a profile can say of a domain. Their order is the order of wishes: each stands on those before it. */
export const knobs: readonly Knob[] = [
  ...ioThreadKnobs,
  ...placementKnobs,
  ...cpuKnobs,
  ...guestKnobs,
  ...memoryKnobs,
  ...diskKnobs,
  ...scsiKnobs,
  ...nicKnobs,
];

const byId = new Map(knobs.map((knob) => [knob.id, knob]));

export function findKnob(id: string): Knob | undefined {
  return byId.get(id);
}
