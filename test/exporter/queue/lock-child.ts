import { lockFolder } from '../../../exporter/queue/lock.ts';

/** Holds the lock of a folder until it is killed: `node lock-child.ts FOLDER`. */
const [dir = ''] = process.argv.slice(2);
await lockFolder(dir, () => new Error('in use'));
process.stdout.write('held\n');
setInterval(() => undefined, 60_000);
