import { Worker } from 'node:worker_threads';
import { workerModule } from '../../sampler/package-folder.ts';

type Waiter = (matches: boolean) => void;

/** Compares passwords with bcrypt hashes in a worker thread that starts on first use. */
export class Bcrypt {
  #worker: Worker | undefined;
  /** Answers come in the order of the questions. */
  #waiting: Waiter[] = [];

  compare(password: string, hash: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#start().postMessage({ password, hash });
    });
  }

  #start(): Worker {
    if (this.#worker === undefined) {
      const worker = new Worker(workerModule('bcrypt-worker', import.meta.url));
      worker.on('message', (matches: boolean) => this.#waiting.shift()?.(matches));
      // If the thread dies, every pending check fails.
      worker.on('error', () => this.#lost(worker));
      worker.on('exit', () => this.#lost(worker));
      // Must come last: a message listener refs the worker again, which would keep the process from exiting.
      worker.unref();
      this.#worker = worker;
    }
    return this.#worker;
  }

  #lost(worker: Worker): void {
    // Both events may fire, and by then another worker may be running.
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiter of this.#waiting.splice(0)) waiter(false);
  }
}
