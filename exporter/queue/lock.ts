import { randomUUID } from 'node:crypto';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { QueueError } from './queue-error.ts';

/** Longest path that bind(2) accepts (sockaddr_un), without the terminating NUL. */
const PATH_MAX_BYTES = 107;

/**
 * Locks a folder for one process: a socket in it, `lock`, on which the owner listens as long as it lives, in whatever
 * container. A killed process leaves a dead socket behind, which the next process replaces.
 *
 * When several processes find it dead, only one may replace it: the one that holds `lock.1` at that time, acquired by
 * the same rules, so that a dead `lock.1` is replaced by the holder of `lock.2`. A socket gets one of these names only
 * once it is listening (link(2), which fails if the name exists; rename(2) over a dead one), and loses the name before
 * it stops listening: the owner of a dead socket can no longer change it.
 * @param inUse the error when another process holds the folder
 * @throws QueueError when its path is too long, or another process holds it
 * @throws the system error when it cannot be locked
 */
export async function lockFolder(dir: string, inUse: () => Error): Promise<() => Promise<void>> {
  const own = join(dir, `lock-${randomUUID().slice(0, 8)}`);
  if (Buffer.byteLength(own) > PATH_MAX_BYTES) {
    throw new QueueError('QUEUE_FOLDER', `${dir}: the path of this folder is too long; use a shorter one`);
  }
  const server = await listen(own);
  let inode: number;
  try {
    inode = (await lstat(own)).ino;
    if (!(await take(dir, own, 0))) throw inUse();
  } catch (error) {
    await close(server);
    throw error;
  }
  // The socket has its final name; this one disappears when the server closes, at the latest.
  await unlink(own).catch(() => undefined);
  server.unref();
  return async () => {
    const name = nameOf(dir, 0);
    // If an operator removed our socket, another process may own the lock by now: leave that one in place.
    const isOwn = await lstat(name).then(
      ({ ino }) => ino === inode,
      () => false,
    );
    // If unlink fails, the socket is dead after the next line, and the next process replaces it.
    if (isOwn) await unlink(name).catch(() => undefined);
    await close(server);
  };
}

const nameOf = (dir: string, level: number): string => join(dir, level === 0 ? 'lock' : `lock.${level}`);

/**
 * Links the listening socket `own` under the name of this level.
 * @returns false if another process holds the name, or is about to
 */
async function take(dir: string, own: string, level: number): Promise<boolean> {
  const name = nameOf(dir, level);
  for (;;) {
    if (await linked(own, name)) return true;
    const held = await isHeld(name);
    // Its owner just removed it: try again.
    if (held === undefined) continue;
    if (held || !(await take(dir, own, level + 1))) return false;
    // Another process may have replaced it up to now. From here on none can.
    const claim = nameOf(dir, level + 1);
    try {
      if ((await isHeld(name)) === false) {
        await rename(claim, name);
        return true;
      }
    } catch (error) {
      await unlink(claim).catch(() => undefined);
      throw error;
    }
    await unlink(claim);
  }
}

/** False if the name exists. */
async function linked(own: string, name: string): Promise<boolean> {
  try {
    await link(own, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a process listens there; undefined if there is no such socket. */
function isHeld(path: string): Promise<boolean | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(false);
      else if (error.code === 'ENOENT') resolve(undefined);
      // The owner is stopped or busy, and its accept backlog is full.
      else if (error.code === 'EAGAIN') resolve(true);
      // Such as EACCES: a process of another user may hold it.
      else reject(error);
    });
  });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    // Stays for as long as it listens: a failed accept, for lack of file descriptors, must not end the process.
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Node.js also unlinks the path that it was created with. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
