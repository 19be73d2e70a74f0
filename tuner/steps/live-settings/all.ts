import type { LiveSetting } from '../live-setting.ts';
import type { Step, StepKind } from '../step.ts';
import { balloonPeriod, balloonSize } from './balloon.ts';
import { bandwidth } from './bandwidth.ts';
import { blockIoTune } from './block-io-tune.ts';
import { definition } from './definition.ts';
import { hostPages, ksm } from './host.ts';
import { ioThread, ioThreadParams } from './iothreads.ts';
import { kernelFile } from './kernel-file.ts';
import { blkio, memoryLimits, scheduler } from './limits.ts';
import { mark } from './mark.ts';
import { numaNodeset } from './numa-nodeset.ts';
import { emulatorPin, ioThreadPin, vcpuPin } from './pins.ts';
import { restart } from './restart.ts';

const liveSettings: Readonly<Record<StepKind, LiveSetting>> = {
  vcpuPin,
  emulatorPin,
  ioThread,
  ioThreadPin,
  ioThreadParams,
  scheduler,
  memoryLimits,
  blkio,
  blockIoTune,
  bandwidth,
  numaNodeset,
  balloonPeriod,
  balloonSize,
  mark,
  definition,
  restart,
  hostPages,
  ksm,
  kernelFile,
};

/** The live setting that a step changes. */
export function liveSettingOf(step: Step): LiveSetting {
  return liveSettings[step.kind];
}
