import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LocalRoots } from '../../../tuner/steps/step-host.ts';

/** A host's /proc, /sys and control groups, made of these files. */
export function kernelTree(files: Readonly<Record<string, string>>): LocalRoots & { remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'virtune-kernel-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return {
    procRoot: join(root, 'proc'),
    sysRoot: join(root, 'sys'),
    cgroupRoot: join(root, 'sys/fs/cgroup'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
