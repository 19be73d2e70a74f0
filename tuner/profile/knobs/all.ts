import type { Knob } from '../knob.ts';
import { cpuKnobs } from './cpu.ts';
import { diskKnobs } from './disks.ts';
import { guestKnobs } from './guest.ts';
import { ioThreadKnobs } from './iothreads.ts';
import { memoryKnobs } from './memory.ts';
import { nicKnobs } from './nics.ts';
import { placementKnobs } from './placement.ts';
import { scsiKnobs } from './scsi.ts';

/** All that a profile can set for a domain, in the order of wishes: each comes after those that it depends on. */
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
