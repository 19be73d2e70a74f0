import { Worker } from 'node:worker_threads';
import { workerModule } from '../../sampler/package-folder.ts';

type Waiter = (matches: boolean) => void;

/** Compares passwords with bcrypt hashes in a thread that starts with the first question. */
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
      // A thread that dies has let nobody in.
      worker.on('error', () => this.#lost(worker));
      worker.on('exit', () => this.#lost(worker));
      // Last: a listener for messages keeps the process alive again, and it would not end when asked to.
      worker.unref();
      this.#worker = worker;
    }
    return this.#worker;
  }

  #lost(worker: Worker): void {
    // It says so twice, and by then another may be at work.
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const waiter of this.#waiting.splice(0)) waiter(false);
  }
}
