import { randomUUID } from 'node:crypto';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { QueueError } from './queue-error.ts';

/** What bind(2) takes for a path (sockaddr_un), its closing zero left out. */
const PATH_MAX_BYTES = 107;

/**
 * Holds a folder for one process: a socket in it, `lock`, on which a process listens as long as it lives, in whatever
 * container. A process that was killed leaves a socket behind on which none does, and the next one replaces it.
 *
 * Of several that find it dead only one may replace it: the one that has `lock.1` at that time, got by the same rules, so
 * that a dead `lock.1` is replaced by the one that has `lock.2`. A socket gets one of these names when it listens already
 * (link(2), which fails where the name exists; rename(2) over a dead one), and loses it before it stops: one that is seen
 * dead has no owner who would still change it.
 * @param inUse the error when another process holds the folder
 * @throws QueueError when its path is too long, or another process holds it
 * @throws the system's error when it cannot be locked
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
  // It has the name that counts; this one goes with the server at the latest.
  await unlink(own).catch(() => undefined);
  server.unref();
  return async () => {
    const name = nameOf(dir, 0);
    // Not that of another process, which could take the folder where an operator removed the socket of this one.
    const isOwn = await lstat(name).then(
      ({ ino }) => ino === inode,
      () => false,
    );
    // What a disk does not remove is dead after the next line, and the next process replaces it.
    if (isOwn) await unlink(name).catch(() => undefined);
    await close(server);
  };
}

const nameOf = (dir: string, level: number): string => join(dir, level === 0 ? 'lock' : `lock.${level}`);

/**
 * Gives the socket `own`, which listens, the name of this level, too.
 * @returns false where another process has the name, or is about to
 */
async function take(dir: string, own: string, level: number): Promise<boolean> {
  const name = nameOf(dir, level);
  for (;;) {
    if (await linked(own, name)) return true;
    const held = await isHeld(name);
    // Its owner has just removed it.
    if (held === undefined) continue;
    if (held || !(await take(dir, own, level + 1))) return false;
    // Another process may have replaced it until now. None does from here on.
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

/** False where the name exists. */
async function linked(own: string, name: string): Promise<boolean> {
  try {
    await link(own, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Whether a process listens there; undefined where there is nothing. */
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
      // More connect than a process that is stopped or busy has accepted.
      else if (error.code === 'EAGAIN') resolve(true);
      // Such as EACCES: a process of another user may hold it.
      else reject(error);
    });
  });
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    // For as long as it listens: a connection that cannot be accepted, for lack of file descriptors, ends no process.
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Removes the name that it was created with. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
