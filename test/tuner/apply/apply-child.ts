import { readFileSync } from 'node:fs';
import { isLocalUri } from '../../../cli/local-uri.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import { applyTransaction } from '../../../tuner/apply/apply.ts';
import type { Transaction } from '../../../tuner/apply/transaction.ts';

/**
 * Applies a transaction and kills itself with SIGKILL at one of its points: before or after a libvirt call or a line of
 * the journal. `node apply-child.ts STATE-DIR TRANSACTION.json POINT all|changes`. Prints the point, or the outcome if
 * the transaction ended before it.
 */
const [stateDir = '', file = '', killAt = '', points = 'all'] = process.argv.slice(2);
/** Calls without side effects: a kill around one of these leaves the same state as at the neighbouring point. */
const READS = /^(connect|nodeGet|domain(Get|Lookup|Is|List))/;
const transaction: Transaction = JSON.parse(readFileSync(file, 'utf8'));
let at = 0;
const outcome = await applyTransaction(transaction, {
  stateDir,
  open: (uri) => connect(uri, { readOnly: false }),
  local: (uri) =>
    isLocalUri(uri) ? { procRoot: '/proc', sysRoot: '/sys', cgroupRoot: '/sys/fs/cgroup' } : undefined,
  version: 'test',
  command: 'test',
  restart: { shutdownMs: 60_000, settleMs: 200, forceOff: true },
  waitMs: 0,
  reconnectMs: 30_000,
  now: () => new Date(),
  trace: ({ when, what }) => {
    if (points === 'changes' && READS.test(what)) return;
    if (at++ !== Number(killAt)) return;
    process.stdout.write(`${when} ${what}\n`);
    process.kill(process.pid, 'SIGKILL');
  },
});
process.stdout.write(`${outcome.kind}\n`);
