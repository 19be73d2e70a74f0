import { ErrorCode } from '../../libvirt/constants.ts';
import { isRemoteError } from '../../libvirt/errors.ts';
import { TunerError } from '../errors.ts';
import { type DomainRun, findRun, handle, quoted } from './domain-run.ts';
import type { StepDomain } from './step.ts';
import type { StepHost } from './step-host.ts';

const LOOK_EVERY_MS = 500;
const ASK_AGAIN_MS = 20_000;
/** libvirt kills a QEMU that does not exit within 15 s (qemuProcessKill), so a call to destroy takes little longer. */
const DESTROY_MS = 60_000;

/**
 * Asks the guest to shut down, by its agent or its power button, and waits. One that does not react is powered off if
 * that is allowed.
 * @throws TunerError TUNE_RESTART if it still runs.
 */
export async function stop(
  host: StepHost,
  domain: StepDomain,
  run: Extract<DomainRun, { kind: 'runs' }>,
  force: boolean,
): Promise<void> {
  const { shutdownMs, forceOff } = host.restart;
  if (!run.persistent) {
    throw new TunerError(
      'TUNE_RESTART',
      `domain ${quoted(domain)} is transient: it ceases to exist when it stops; define it first (virsh dumpxml, virsh define)`,
    );
  }
  const mayForce = force || forceOff;
  if (run.paused && !mayForce) {
    throw new TunerError(
      'TUNE_RESTART',
      `domain ${quoted(domain)} is paused and cannot shut down; resume it, or power it off with --force-off`,
    );
  }
  if (!run.paused) {
    host.say(`asked ${quoted(domain)} to shut down; waiting up to ${shutdownMs / 1_000} s`);
    host.shutdowns.set(domain.uuid, 'asked');
    if (await askUntilOff(host, domain, shutdownMs)) return;
    host.shutdowns.set(domain.uuid, 'deaf');
    if (!mayForce) {
      throw new TunerError(
        'TUNE_RESTART',
        `domain ${quoted(domain)} did not shut down within ${shutdownMs / 1_000} s and may still do so; check that the guest handles the power button (acpid, systemd-logind, qemu-guest-agent), allow more time (--shutdown-timeout), or power it off (--force-off)`,
      );
    }
  }
  host.say(`powering off ${quoted(domain)}`);
  try {
    await host.call('domainDestroyFlags', { domain: handle(domain), flags: 0 }, { timeoutMs: DESTROY_MS });
  } catch (error) {
    // It went off just now.
    if (!isRemoteError(error, ErrorCode.operationInvalid)) throw error;
  }
}

/** Repeats the request: a guest that is still booting misses the first. */
async function askUntilOff(host: StepHost, domain: StepDomain, timeoutMs: number): Promise<boolean> {
  for (let leftMs = timeoutMs; leftMs > 0; leftMs -= ASK_AGAIN_MS) {
    try {
      await host.call('domainShutdownFlags', { domain: handle(domain), flags: 0 });
    } catch (error) {
      // It went off just now.
      if (!isRemoteError(error, ErrorCode.operationInvalid)) throw error;
    }
    if (await waitUntilOff(host, domain, Math.min(leftMs, ASK_AGAIN_MS))) return true;
  }
  return false;
}

/** Whether it went off in time. */
export async function waitUntilOff(host: StepHost, domain: StepDomain, timeoutMs: number): Promise<boolean> {
  const endMs = host.nowMs() + timeoutMs;
  for (;;) {
    if ((await findRun(host, domain)).kind !== 'runs') return true;
    const leftMs = endMs - host.nowMs();
    if (leftMs <= 0) return false;
    await host.wait(Math.min(LOOK_EVERY_MS, leftMs));
  }
}
