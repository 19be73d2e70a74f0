import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';

/** As a console leaves it that was killed: no lines, no echo, no signals (cfmakeraw(3)). */
const RAW = ['-icanon', '-echo', '-isig'];

/**
 * A console that was killed (kill -9, the OOM killer) has left the terminal raw, and some shells take over what they find.
 * What a program finds when it takes the terminal is what it restores at its end, so this comes before.
 * @param fd of the terminal
 */
export function repairRawTerminal(fd: number): void {
  const { stdout } = spawnSync('stty', ['-a'], { stdio: [fd, 'pipe', 'ignore'], encoding: 'utf8' });
  // Null where the host has no stty.
  const modes = new Set(stdout?.split(/[\s;]+/));
  if (!RAW.every((mode) => modes.has(mode))) return;
  spawnSync('stty', ['sane'], { stdio: [fd, 'ignore', 'ignore'] });
  // Node.js restores the modes that it started with, on those of its three descriptors that are open (node.cc, ResetStdio).
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
