import type { Connection } from '../libvirt/client/connection.ts';
import { RemoteError } from '../libvirt/errors.ts';
import type { Domain } from '../libvirt/wire/types.ts';

/** VIR_DOMAIN_AFFECT_LIVE */
const LIVE = 1;
/** REMOTE_DOMAIN_SCHEDULER_PARAMETERS_MAX */
const PARAMS_MAX = 16;
const CALL_MS = 5_000;

/**
 * `cpu_shares` that the kernel uses for each running VM, by UUID: 1024 by default with cgroup v1, 100 with v2, so that a
 * number means nothing without it. VMs for which libvirt does not report it are left out.
 */
export async function readCpuShares(
  connection: Connection,
  domains: readonly Domain[],
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const domain of domains) {
    if (domain.id === -1) continue;
    try {
      const { params } = await connection.call(
        'domainGetSchedulerParametersFlags',
        { domain, nparams: PARAMS_MAX, flags: LIVE },
        { signal: AbortSignal.timeout(CALL_MS) },
      );
      const shares = params.find(({ field }) => field === 'cpu_shares')?.value;
      if (shares !== undefined) found.set(domain.uuid, Number(shares));
    } catch (error) {
      // One that has ended since, or a host without control groups.
      if (!(error instanceof RemoteError)) throw error;
    }
  }
  return found;
}
