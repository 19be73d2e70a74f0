import { z } from 'zod';
import { CreateFlag, XmlFlag } from '../../../libvirt/constants.ts';
import { RemoteError } from '../../../libvirt/errors.ts';
import { TunerError } from '../../errors.ts';
import { findRun, handle, quoted } from '../domain-run.ts';
import { liveSetting } from '../live-setting.ts';
import { changesIn, notTaken } from '../meaning.ts';
import { stop, waitUntilOff } from '../shutdown.ts';
import type { StepDomain } from '../step.ts';
import type { StepHost } from '../step-host.ts';
import { verifyMemory } from '../verification/memory.ts';

/** Preallocating the memory of a large guest takes minutes. */
const START_TIMEOUT_MS = 600_000;
const ASK_EVERY_MS = 500;

/** A run of a domain; `notId` in a wanted state: any run except that one. */
const runState = z
  .object({
    active: z.boolean(),
    paused: z.boolean(),
    id: z.number().nullable(),
    notId: z.number().nullable(),
    /** Whether the run to be ended may be powered off, if this process saw it fail. */
    force: z.boolean(),
  })
  .readonly();

export const restart = liveSetting('restart', runState, {
  home: 'definition',
  async get(host, { domain }) {
    const run = await findRun(host, domain);
    if (run.kind === 'gone') {
      throw new TunerError(
        'TUNE_DOMAIN',
        `domain ${quoted(domain)} is no longer on this host; check whether it was undefined or migrated`,
      );
    }
    if (run.kind === 'off') return { active: false, paused: false, id: null, notId: null, force: false };
    return { active: true, paused: run.paused, id: run.id, notId: null, force: false };
  },
  async set(host, { domain }, to) {
    if (!to.active) return;
    const run = await findRun(host, domain);
    // If the journal lacks the end of the step, the run may have been in use for hours since the start was interrupted.
    const failed = to.force && host.failedStarts.has(domain.uuid);
    if (run.kind === 'runs' && run.id === to.notId) await stop(host, domain, run, failed);
    else if (run.kind === 'runs' && run.id === to.id) {
      // Back to the run that should have ended but did not. It may still obey the shutdown request.
      const { shutdownMs } = host.restart;
      const obeys = host.shutdowns.get(domain.uuid) === 'asked' && !run.paused;
      if (!obeys) return;
      host.say(
        `${quoted(domain)} was asked to shut down and may still do so; waiting up to ${shutdownMs / 1_000} s`,
      );
      if (!(await waitUntilOff(host, domain, shutdownMs))) return;
    } else if (run.kind === 'runs') return waitUntilStable(host, domain, to.paused);
    await start(host, domain, to.paused);
    await waitUntilStable(host, domain, to.paused);
  },
  differs(is, wanted) {
    if (!wanted.active) return is.active ? 'it is running and was not running before' : undefined;
    if (!is.active) return 'it is not running';
    if (is.id === wanted.notId) return 'it was not restarted';
    return is.paused === wanted.paused ? undefined : is.paused ? 'it is paused' : 'it is not paused';
  },
  // A domain that is off takes its definition when a user starts it.
  target: (_, was) => (was.active ? { ...was, id: null, notId: was.id } : was),
  back(was, now, done) {
    if (!was.active || (now.active && now.id === was.id)) return was;
    return { ...was, id: null, notId: now.id, force: !done };
  },
  async verify(host, { domain }, wanted) {
    if (!wanted.active) return [];
    const xmlOf = async (flags: number): Promise<string> =>
      (await host.call('domainGetXmlDesc', { domain: handle(domain), flags })).xml;
    const [live, definition] = [await xmlOf(0), await xmlOf(XmlFlag.inactive)];
    const before = host.saved(domain.uuid) ?? {};
    const missing = notTaken(live, definition, before, undefined);
    if (missing.length > 0) {
      throw new TunerError(
        'TUNE_READ_BACK',
        `domain ${quoted(domain)} was restarted but does not run as defined: ${missing.join('; ')}`,
      );
    }
    const changes = changesIn(live, { live: before.live });
    const running = changes === undefined ? [] : [`it runs with ${changes}`];
    return [...running, ...(await verifyMemory(host, domain, live))];
  },
});

async function start(host: StepHost, domain: StepDomain, paused: boolean): Promise<void> {
  host.say(`starting ${quoted(domain)}`);
  const flags = paused ? CreateFlag.paused : 0;
  try {
    await host.call(
      'domainCreateWithFlags',
      { domain: handle(domain), flags },
      { timeoutMs: START_TIMEOUT_MS },
    );
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    host.failedStarts.add(domain.uuid);
    throw new TunerError('TUNE_RESTART', `domain ${quoted(domain)} does not start: ${error.message}`, {
      cause: error,
    });
  }
}

/** Checks that it stays up: QEMU may start, and then guests or devices fail. */
async function waitUntilStable(host: StepHost, domain: StepDomain, paused: boolean): Promise<void> {
  const { settleMs } = host.restart;
  const endMs = host.nowMs() + settleMs;
  for (;;) {
    const run = await findRun(host, domain);
    if (run.kind !== 'runs') {
      host.failedStarts.add(domain.uuid);
      throw new TunerError(
        'TUNE_RESTART',
        `domain ${quoted(domain)} stopped within ${settleMs / 1_000} s of its start; see its log in /var/log/libvirt/qemu/`,
      );
    }
    const leftMs = endMs - host.nowMs();
    if (leftMs <= 0) {
      if (run.paused === paused) host.failedStarts.delete(domain.uuid);
      else host.failedStarts.add(domain.uuid);
      return;
    }
    await host.wait(Math.min(ASK_EVERY_MS, leftMs));
  }
}
