import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from './run.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');

/**
 * A disk with `node` and what npm would publish of virtune, built from this tree, with its dependencies (below
 * `virtune/`). For a machine that has no network.
 */
export function softwareDisk(dir: string): string {
  const root = join(dir, 'software');
  const image = join(dir, 'software.img');
  const npm = (...args: string[]): string => run('npm', args, { cwd: REPOSITORY });
  npm('run', 'build', '--silent');
  mkdirSync(join(root, 'virtune'), { recursive: true });
  for (const part of ['dist', 'package.json']) {
    cpSync(join(REPOSITORY, part), join(root, 'virtune', part), { recursive: true });
  }
  const [, ...packages] = npm('ls', '--omit=dev', '--all', '--parseable').trim().split('\n');
  for (const folder of packages) {
    cpSync(folder, join(root, 'virtune', relative(REPOSITORY, folder)), { recursive: true });
  }
  copyFileSync(process.execPath, join(root, 'node'));
  chmodSync(join(root, 'node'), 0o755);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, image, '400M']);
  rmSync(root, { recursive: true });
  return image;
}
