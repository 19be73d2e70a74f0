import { unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { QueueError } from './queue-error.ts';

/** What bind(2) takes for a path (sockaddr_un), its closing zero left out. */
const PATH_MAX_BYTES = 107;

/**
 * Holds a folder for one process: a socket in it, on which somebody listens as long as that process lives, in
 * whatever container. A process that was killed leaves a socket behind on which nobody does.
 * @param inUse the error when another process holds the folder
 * @throws QueueError when its path is too long, or another process holds it
 * @throws the system's error when it cannot be locked
 */
export async function lockFolder(dir: string, inUse: () => Error): Promise<() => Promise<void>> {
  const path = join(dir, 'lock');
  if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
    throw new QueueError('QUEUE_FOLDER', `${dir}: the path of this folder is too long; use a shorter one`);
  }
  const server = (await listen(path)) ?? (await takeOver(path));
  if (server === undefined) throw inUse();
  server.unref();
  return async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}

async function takeOver(path: string): Promise<Server | undefined> {
  const answered = await new Promise<boolean>((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A process of another user may hold it.
      if (error.code === 'EACCES' || error.code === 'EPERM') reject(error);
      else resolve(false);
    });
  });
  if (!answered) {
    await unlink(path).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster.
      if (error.code !== 'ENOENT') throw error;
    });
  }
  return answered ? undefined : listen(path);
}

/** Undefined where the socket is there already. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(path, () => resolve(server));
  });
}
