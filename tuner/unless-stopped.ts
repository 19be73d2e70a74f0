import { TunerError } from './errors.ts';

/**
 * Runs read-only work until a signal. After one it is not awaited: it may be reading from a file system that hangs.
 *
 * @throws TunerError TUNE_STOPPED after a signal, instead of any error that it caused.
 */
export async function unlessStopped<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
  if (signal === undefined) return run();
  const stopped = (cause?: unknown): TunerError =>
    new TunerError('TUNE_STOPPED', 'interrupted before it started; nothing was changed', { cause });
  if (signal.aborted) throw stopped();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(stopped());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([run(), aborted.promise]);
  } catch (error) {
    throw signal.aborted ? stopped(error) : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
