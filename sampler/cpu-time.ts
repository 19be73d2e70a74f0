import { createContext, Script } from 'node:vm';

const context = createContext({});
const script = new Script('run()');

/**
 * Runs a synchronous function, and interrupts it once it has used this much CPU time; undefined then. For code that
 * hostile input can make slow: it needs no other thread, and frees what the function holds.
 *
 * The timer runs on the wall clock, so on a busy host it fires early: then the function runs again, a few times.
 * @throws what the function throws
 */
export function withinCpuTime<T>(limitMs: number, run: () => T): { readonly value: T } | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = process.cpuUsage();
    try {
      context['run'] = () => {
        result = { value: run() };
      };
      let result: { readonly value: T } | undefined;
      script.runInContext(context, { timeout: limitMs });
      return result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      const { user, system } = process.cpuUsage(before);
      if ((user + system) / 1_000 >= limitMs / 2) return undefined;
    } finally {
      delete context['run'];
    }
  }
  return undefined;
}

const ATTEMPTS = 4;
