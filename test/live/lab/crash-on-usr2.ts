/** Loaded before virtune by a test: a fault of virtune's own, on demand. */
process.on('SIGUSR2', () => {
  throw new Error('crashed on purpose');
});
