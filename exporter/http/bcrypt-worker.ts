import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/**
 * bcrypt is slow on purpose: a worker thread keeps it from delaying other requests. One reply per message, in order.
 */
parentPort?.on('message', ({ password, hash }: { password: string; hash: string }) => {
  parentPort?.postMessage(compareSync(password, hash));
});
