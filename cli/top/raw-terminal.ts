import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';

/** Settings that a killed console leaves behind: no line mode, no echo, no signals (cfmakeraw(3)). */
const RAW = ['-icanon', '-echo', '-isig'];

/**
 * A console that was killed (kill -9, the OOM killer) leaves the terminal raw, and some shells keep that mode. Run this
 * before taking the terminal: a program restores the modes it found there at its start.
 * @param fd of the terminal
 */
export function repairRawTerminal(fd: number): void {
  const { stdout } = spawnSync('stty', ['-a'], { stdio: [fd, 'pipe', 'ignore'], encoding: 'utf8' });
  // Null where the host has no stty.
  const modes = new Set(stdout?.split(/[\s;]+/));
  if (!RAW.every((mode) => modes.has(mode))) return;
  spawnSync('stty', ['sane'], { stdio: [fd, 'ignore', 'ignore'] });
  // At exit, Node.js restores the modes it started with on those of descriptors 0 to 2 that are open (node.cc,
  // ResetStdio).
  process.once('exit', () => {
    for (const standard of [0, 1, 2]) closeQuietly(standard);
  });
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was closed before.
  }
}
