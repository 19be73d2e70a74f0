import { readSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type Controls, control, pause, setControl, waitWhile } from './controls.ts';
import { Errno, MemoryFileSystem, SystemFailure } from './file-system.ts';
import { failure, Opcode, parseRequest, READ_BYTES, type Request, reply } from './protocol.ts';

/* A thread that answers the kernel, one request after the other, as well as the controls have it. */

const { fd, controls } = workerData as { readonly fd: number; readonly controls: Controls };
const files = new MemoryFileSystem(0);

const WRITING: ReadonlySet<number> = new Set([
  Opcode.setattr,
  Opcode.mknod,
  Opcode.mkdir,
  Opcode.unlink,
  Opcode.rmdir,
  Opcode.rename,
  Opcode.rename2,
  Opcode.write,
  Opcode.fsync,
  Opcode.fsyncdir,
  Opcode.create,
]);
const READING: ReadonlySet<number> = new Set([Opcode.read, Opcode.readdir, Opcode.open]);
/** Answered at once despite any fault: the kernel waits for none of them. */
const UNAFFECTED: ReadonlySet<number> = new Set([
  Opcode.init,
  Opcode.forget,
  Opcode.batchForget,
  Opcode.interrupt,
]);
/** Answered so that the kernel never sends it again: an exiting process would wait for it and could not be killed. */
const UNKNOWN: ReadonlySet<number> = new Set([Opcode.flush]);

function answer(request: Request): Buffer | undefined {
  if (!UNAFFECTED.has(request.opcode)) {
    waitWhile(controls, 'isHeld');
    pause(control(controls, 'delayMs'));
  }
  files.capacityBytes = control(controls, 'capacityKiB') * 1_024;
  const errno = control(
    controls,
    WRITING.has(request.opcode) ? 'writeErrno' : READING.has(request.opcode) ? 'readErrno' : 'delayMs',
  );
  const isFaulty = WRITING.has(request.opcode) || READING.has(request.opcode);
  try {
    if (isFaulty && errno !== 0) throw new SystemFailure(errno);
    if (request.opcode === Opcode.read && request.node === control(controls, 'unreadableNode'))
      throw new SystemFailure(Errno.EIO);
    if (UNKNOWN.has(request.opcode)) throw new SystemFailure(Errno.ENOSYS);
    const payload = files.answer(request);
    return payload && reply(request.unique, payload);
  } catch (error) {
    return failure(request.unique, error instanceof SystemFailure ? error.errno : Errno.EIO);
  }
}

const bytes = Buffer.alloc(READ_BYTES);
for (;;) {
  if (control(controls, 'isStopped') !== 0) {
    setControl(controls, 'isParked', 1);
    waitWhile(controls, 'isStopped');
    setControl(controls, 'isParked', 0);
  }
  let length: number;
  try {
    length = readSync(fd, bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENODEV: unmounted. The others: a request that was interrupted before it was read.
    if (code === 'ENODEV') break;
    if (code === 'ENOENT' || code === 'EINTR' || code === 'EAGAIN') continue;
    throw error;
  }
  const answered = answer(parseRequest(bytes.subarray(0, length)));
  if (answered === undefined) continue;
  try {
    writeSync(fd, answered);
  } catch (error) {
    // ENOENT: the kernel no longer waits for this answer.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
