import { balloonSettings } from './balloon.ts';
import { blkioSettings } from './blkio.ts';
import { cpuSettings } from './cpu.ts';
import { pinSettings } from './cpu-pins.ts';
import { cpuTimeSettings } from './cpu-time.ts';
import { diskSettings } from './disk.ts';
import { diskStatisticsSettings } from './disk-statistics.ts';
import { hypervSettings, kvmSettings } from './hyperv.ts';
import { ioThreadSettings } from './iothreads.ts';
import { iotuneSettings } from './iotune.ts';
import { memorySettings } from './memory.ts';
import { nicSettings } from './nic.ts';
import { numaSettings } from './numa.ts';
import { cacheSettings } from './resctrl.ts';
import { schedulerSettings } from './schedulers.ts';
import { scsiSettings } from './scsi.ts';
import type { Setting } from './setting.ts';
import { timerSettings } from './timers.ts';

/** Everything that can be set for a domain; each setting comes after those that it depends on. */
export const settings: readonly Setting[] = [
  ...pinSettings.slice(0, 2),
  ...ioThreadSettings,
  ...numaSettings,
  ...pinSettings.slice(2),
  ...cpuTimeSettings,
  ...schedulerSettings,
  ...cacheSettings,
  ...cpuSettings,
  ...kvmSettings,
  ...hypervSettings,
  ...timerSettings,
  ...memorySettings,
  ...balloonSettings,
  ...diskSettings,
  ...diskStatisticsSettings,
  ...scsiSettings,
  ...iotuneSettings,
  ...blkioSettings,
  ...nicSettings,
];

const byId = new Map(settings.map((setting) => [setting.id, setting]));

export function findSetting(id: string): Setting | undefined {
  return byId.get(id);
}
