import { openStateFolder } from '../../../tuner/journal/folder.ts';
import { lockHost } from '../../../tuner/journal/lock.ts';

/** Holds a host's lock until it is killed: `node lock-child.ts STATE-DIR HOSTNAME`. */
const [stateDir = '', hostname = ''] = process.argv.slice(2);
await lockHost(await openStateFolder(stateDir), {
  hostname,
  command: 'virtune tune apply --all',
  waitMs: 0,
  now: () => new Date('2026-01-31T10:11:12Z'),
});
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
