import { connect } from '../../libvirt/client/connect.ts';
import type { GroupName } from '../../model/catalogue/catalogue.ts';
import { connectionLimits } from '../../sampler/connection-limits.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { isLocalUri } from '../local-uri.ts';
import { connectTimeoutMs, type TuneFlags } from './options.ts';

/** The groups that provide the measured figures. */
const GROUPS: ReadonlySet<GroupName> = new Set(['domain', 'vcpu', 'block', 'cpu']);

/**
 * Calls `run` with a sampler of the host on an open read-only connection, and with the number of guest reboots of each
 * VM since then.
 */
export async function withSampler<T>(
  flags: Pick<TuneFlags, 'connect' | 'timeout'>,
  signal: AbortSignal,
  run: (sampler: Sampler, rebootsOf: (uuid: string) => number) => Promise<T>,
): Promise<T> {
  const reboots = new Map<string, number>();
  const rebootsOf = (uuid: string): number => reboots.get(uuid) ?? 0;
  const sampler = new Sampler({
    ...connectionLimits(flags.connect),
    onReboot: (uuid) => reboots.set(uuid, rebootsOf(uuid) + 1),
    open: (attempt) =>
      connect(flags.connect, { readOnly: true, timeoutMs: connectTimeoutMs(flags), signal: attempt }),
    groups: GROUPS,
    procRoot: isLocalUri(flags.connect) ? '/proc' : undefined,
  });
  try {
    await unlessStopped(signal, () => sampler.attempt(signal));
    return await run(sampler, rebootsOf);
  } finally {
    await sampler.close();
  }
}
