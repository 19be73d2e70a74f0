import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

/** bcrypt is slow on purpose: in a worker thread it delays no other request. One question, one answer, in order. */
parentPort?.on('message', ({ password, hash }: { password: string; hash: string }) => {
  parentPort?.postMessage(compareSync(password, hash));
});
