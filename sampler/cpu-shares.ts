import type { Connection } from '../libvirt/client/connection.ts';
import { CallAbandonedError, RemoteError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';

/** VIR_DOMAIN_AFFECT_LIVE */
const LIVE = 1;
/** REMOTE_DOMAIN_SCHEDULER_PARAMETERS_MAX */
const PARAMS_MAX = 16;
/** Deadlines for one VM and for all of them; what is not known by then is left out. */
const [CALL_MS, TOTAL_MS] = [2_000, 10_000];

/**
 * The `cpu_shares` in effect for each running VM, by UUID: 1024 by default with cgroup v1, 100 with v2, so a value is
 * only meaningful relative to others. VMs for which libvirt does not report it in time are left out.
 */
export async function readCpuShares(
  connection: Connection,
  domains: readonly Domain[],
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const total = AbortSignal.timeout(TOTAL_MS);
  for (const domain of domains) {
    if (domain.id === -1) continue;
    try {
      const { params } = await connection.call(
        'domainGetSchedulerParametersFlags',
        { domain, nparams: PARAMS_MAX, flags: LIVE },
        { timeoutMs: CALL_MS, signal: total },
      );
      const shares = params.find(({ field }) => field === 'cpu_shares')?.value;
      if (shares !== undefined) found.set(domain.uuid, Number(shares));
    } catch (error) {
      // The VM has ended, or the host has no control groups.
      if (error instanceof RemoteError) continue;
      if (!(error instanceof CallAbandonedError)) throw error;
      // A VM that does not answer must not keep the others from being read.
      if (total.aborted) break;
    }
  }
  return found;
}
