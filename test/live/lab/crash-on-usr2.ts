/** Preloaded by a test: crashes virtune on SIGUSR2. */
process.on('SIGUSR2', () => {
  throw new Error('crashed on purpose');
});
