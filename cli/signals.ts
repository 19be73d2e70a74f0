/** Resolves at the first SIGTERM, SIGINT or one of `others`; a second one has its default effect. */
export function untilAskedToStop(others: readonly NodeJS.Signals[] = []): Promise<NodeJS.Signals> {
  const signals: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', ...others];
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      for (const each of signals) process.off(each, stop);
      resolve(signal);
    };
    for (const each of signals) process.on(each, stop);
  });
}

/** Aborted by the first SIGTERM or SIGINT; a second one has its default effect. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  void untilAskedToStop().then((signal) => stop.abort(new Error(signal)));
  return stop.signal;
}
