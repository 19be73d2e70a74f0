import { TunerError } from '../../tuner/errors.ts';

/**
 * Runs what only looks, and what a signal may end.
 *
 * @throws TunerError TUNE_STOPPED instead of whatever the signal has made fail.
 */
export async function unlessStopped<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  const stopped = (cause?: unknown): TunerError =>
    new TunerError('TUNE_STOPPED', 'interrupted before it started; nothing was changed', { cause });
  if (signal.aborted) throw stopped();
  try {
    return await run();
  } catch (error) {
    throw signal.aborted ? stopped(error) : error;
  }
}
