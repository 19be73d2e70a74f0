import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { systemErrorText } from '../../../model/system-error.ts';
import { TunerError } from '../../errors.ts';
import { liveSetting, plainly } from '../live-setting.ts';
import type { StepOf } from '../step.ts';
import type { StepHost } from '../step-host.ts';

/**
 * A kernel setting of the host that is one line in /proc/sys or /sys: swappiness, a CPU's frequency governor, whether
 * an idle state of a CPU is disabled. It lasts until the host reboots. The step's schema restricts the files.
 */
export const kernelFile = liveSetting('kernelFile', z.string(), {
  home: 'host',
  async get(host, step) {
    const path = pathOf(host, step);
    try {
      return (await readFile(path, 'utf8')).trim();
    } catch (error) {
      // A CPU's files disappear when it goes offline; some return EBUSY in the process.
      throw new TunerError(
        'TUNE_STEP',
        `${path} cannot be read: ${systemErrorText(error)}; check that it exists and that its CPU is online (/sys/devices/system/cpu/online)`,
        { cause: error },
      );
    }
  },
  set: async (host, step, to) => {
    const path = pathOf(host, step);
    try {
      await writeFile(path, `${to}\n`);
    } catch (error) {
      throw new TunerError('TUNE_STEP', `${path} does not accept ${to}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  },
  differs: plainly,
});

function pathOf({ local }: StepHost, { root, file }: StepOf<'kernelFile'>): string {
  if (local === undefined) {
    throw new TunerError(
      'TUNE_STEP',
      `${file} can only be set on the host itself; run virtune there, or omit --host`,
    );
  }
  return `${root === 'proc' ? local.procRoot : local.sysRoot}/${file}`;
}
