import { CpuSet } from '../../model/cpu-set.ts';
import { readProcFile } from '../../sampler/proc-file.ts';
import type { Step } from '../steps/step.ts';
import type { StepHost } from '../steps/step-host.ts';

/** Boot id of the host's kernel, if virtune runs on the host. */
export function readBootId(procRoot: string | undefined): string | undefined {
  return procRoot === undefined ? undefined : readProcFile(`${procRoot}/sys/kernel/random/boot_id`)?.trim();
}

/**
 * Why nothing is left to undo of what was set on the host itself; undefined if something is, and for steps of domains.
 * @param bootId of the boot in which it was set, if known.
 */
export function whyEndedOnHost(
  { local }: Pick<StepHost, 'local'>,
  step: Step,
  bootId: string | undefined,
): string | undefined {
  if ('domain' in step) return undefined;
  const now = readBootId(local?.procRoot);
  if (bootId !== undefined && now !== undefined && bootId !== now)
    return 'the host has rebooted since, which undid the change';
  if (step.kind !== 'kernelFile' || local === undefined) return undefined;
  const cpu = /^devices\/system\/cpu\/cpu(\d+)\//.exec(step.file)?.[1];
  const online = readProcFile(`${local.sysRoot}/devices/system/cpu/online`)?.trim();
  if (cpu === undefined || online === undefined || CpuSet.parse(online).has(Number(cpu))) return undefined;
  // The files of an offline CPU are missing, or answer EBUSY.
  return `CPU ${cpu} is offline, so /sys/${step.file} was not restored; once the CPU is online again it may be ${step.to}`;
}
