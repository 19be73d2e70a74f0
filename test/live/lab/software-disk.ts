import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from './run.ts';

const REPOSITORY = resolve(import.meta.dirname, '../../..');

/**
 * A disk with `node` and, below `virtune/`, the npm package of this tree, which has no dependencies. For a machine
 * without a network.
 */
export function softwareDisk(dir: string): string {
  const root = join(dir, 'software');
  const image = join(dir, 'software.img');
  mkdirSync(root);
  const packed = run('npm', ['pack', '--silent', '--pack-destination', dir], { cwd: REPOSITORY });
  const tarball = join(dir, packed.trim().split('\n').at(-1) ?? '');
  run('tar', ['-xzf', tarball, '-C', root]);
  renameSync(join(root, 'package'), join(root, 'virtune'));
  copyFileSync(process.execPath, join(root, 'node'));
  chmodSync(join(root, 'node'), 0o755);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, image, '400M']);
  rmSync(root, { recursive: true });
  rmSync(tarball);
  return image;
}
