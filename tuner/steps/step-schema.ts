import { z } from 'zod';
import { stepParams } from './params.ts';
import type { Step } from './step.ts';

const domain = z.object({ uuid: z.string(), name: z.string() });
const id = z.int().nonnegative();

/** Steps as read from a journal. */
export const stepSchema: z.ZodType<Step> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('vcpuPin'), domain, vcpu: id, to: z.string() }),
  z.object({ kind: z.literal('emulatorPin'), domain, to: z.string() }),
  z.object({ kind: z.literal('ioThread'), domain, id, to: z.enum(['present', 'absent']) }),
  z.object({ kind: z.literal('ioThreadPin'), domain, id, to: z.string() }),
  z.object({ kind: z.literal('ioThreadParams'), domain, id, to: stepParams }),
  z.object({ kind: z.literal('scheduler'), domain, to: stepParams }),
  z.object({ kind: z.literal('memoryLimits'), domain, to: stepParams }),
  z.object({ kind: z.literal('blkio'), domain, to: stepParams }),
  z.object({ kind: z.literal('blockIoTune'), domain, disk: z.string(), to: stepParams }),
  z.object({ kind: z.literal('bandwidth'), domain, device: z.string(), to: stepParams }),
  z.object({ kind: z.literal('numaNodeset'), domain, to: z.string() }),
  z.object({ kind: z.literal('balloonPeriod'), domain, to: z.number() }),
  z.object({ kind: z.literal('balloonSize'), domain, to: z.number() }),
  z.object({ kind: z.literal('mark'), domain, to: z.string().nullable() }),
  z.object({ kind: z.literal('definition'), domain, to: z.string() }),
  z.object({ kind: z.literal('restart'), domain, to: z.literal('restarted') }),
  z.object({ kind: z.literal('hostPages'), cell: id, sizeKiB: z.int().positive(), to: id }),
  z.object({ kind: z.literal('ksm'), to: stepParams }),
  z.object({
    kind: z.literal('kernelFile'),
    root: z.enum(['proc', 'sys']),
    // A journal must not be able to name arbitrary files of the host.
    file: z
      .string()
      .regex(
        /^(sys\/vm\/swappiness|devices\/system\/cpu\/cpu\d+\/(cpufreq\/scaling_governor|cpuidle\/state\d+\/disable))$/,
      ),
    to: z.string().regex(/^[\w-]{1,32}$/),
  }),
]);
