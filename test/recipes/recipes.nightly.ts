import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, test } from 'vitest';
import { applied, type Recipe, ROOT, readRecipes } from './recipe.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-recipes-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Copies the current sources, including uncommitted changes, and uses the packages of this checkout. */
function copyTree(name: string): string {
  const tree = join(folder, name);
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const file of new Set(files.split('\0').filter((each) => each !== ''))) {
    cpSync(join(ROOT, file), join(tree, file));
  }
  // The linter asks git which files to ignore.
  execFileSync('git', ['init', '--quiet'], { cwd: tree });
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  return tree;
}

function follow({ patches, commands }: Recipe, tree: string): void {
  for (const patch of patches) {
    const path = join(tree, patch.file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, applied(patch, patch.isNew ? '' : readFileSync(path, 'utf8')));
  }
  for (const command of commands) {
    try {
      execFileSync('bash', ['-c', command], { cwd: tree, encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`${command}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
    }
  }
}

test.each(readRecipes())('$title: a copy of the sources changed by it passes its checks', (recipe) => {
  const tree = copyTree(recipe.title.replaceAll(' ', '-'));
  follow(recipe, tree);
  rmSync(tree, { recursive: true });
});
