/** Which VMs waited for a CPU within the last seconds: node libvirt/examples/cpu-steal.ts [URI] [SECONDS] */
import { setTimeout as sleep } from 'node:timers/promises';
import { CallAbandonedError, type Connection, connect, type Domain, ListFlag, StatsGroup } from '../index.ts';

const [, , uri = 'qemu:///system', seconds = '1'] = process.argv;

/** ns that each vCPU was ready and did not run (libvirt: `vcpu.N.delay`); undefined where there is no answer. */
async function delaysNs(connection: Connection, domain: Domain): Promise<readonly number[] | undefined> {
  try {
    // Each VM separately and with a deadline, so that one whose QEMU hangs holds up no other.
    const params = await connection.domainStats(domain, StatsGroup.vcpu, { timeoutMs: 2_000 });
    return params?.filter(({ field }) => /^vcpu\.\d+\.delay$/.test(field)).map(({ value }) => Number(value));
  } catch (error) {
    if (error instanceof CallAbandonedError) return undefined;
    throw error;
  }
}

const connection = await connect(uri);
try {
  const domains = await connection.domains(ListFlag.running);
  const read = () => Promise.all(domains.map((domain) => delaysNs(connection, domain)));
  const startedMs = performance.now();
  const before = await read();
  await sleep(Number(seconds) * 1_000);
  const after = await read();
  const elapsedNs = (performance.now() - startedMs) * 1e6;
  domains.forEach((domain, i) => {
    const [first, last] = [before[i], after[i]];
    const known = first !== undefined && last !== undefined && last.length > 0;
    const delayNs = known ? sum(last) - sum(first) : Number.NaN;
    const steal = known ? `${((delayNs / elapsedNs / last.length) * 100).toFixed(1)} %` : 'unknown';
    console.log(`${JSON.stringify(domain.name)} steal ${steal}`);
  });
} finally {
  await connection.close();
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
