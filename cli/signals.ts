/** Resolves at the first SIGTERM or SIGINT; a second one ends the process as it would have without us. */
export function untilAskedToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', stop);
      process.off('SIGINT', stop);
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

/** Aborted by the first SIGTERM or SIGINT; a second one ends the process as it would have without us. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  void untilAskedToStop().then((signal) => stop.abort(new Error(signal)));
  return stop.signal;
}
