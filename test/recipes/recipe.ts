import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A section of docs/recipes.md: a change, and the commands that complete and check it. */
export interface Recipe {
  readonly title: string;
  readonly patches: readonly Patch[];
  /** Shell lines, in order. */
  readonly commands: readonly string[];
}

/** A change of one file: each hunk has a text that occurs once, and its replacement. */
export interface Patch {
  readonly file: string;
  /** Whether the file does not exist yet. */
  readonly isNew: boolean;
  readonly hunks: readonly { readonly before: string; readonly after: string }[];
}

/** The recipes of docs/recipes.md: each has a heading `## How to add ...`, and `diff` and `sh` blocks. */
export function readRecipes(): Recipe[] {
  const text = readFileSync(join(ROOT, 'docs/recipes.md'), 'utf8');
  return text
    .split(/^## (?=How to add )/m)
    .slice(1)
    .map((section) => ({
      title: section.slice(0, section.indexOf('\n')),
      patches: blocks(section, 'diff').flatMap(patchesOf),
      commands: blocks(section, 'sh').flatMap((block) => block.split('\n').filter((line) => line !== '')),
    }));
}

/** A block that contains a fence has a longer fence itself. */
function blocks(section: string, language: string): string[] {
  const fenced = new RegExp(`^(\`{3,})${language}\n([\\s\\S]*?)^\\1$`, 'gm');
  return [...section.matchAll(fenced)].map(([, , block = '']) => block);
}

/**
 * `--- a/FILE` (or /dev/null), `+++ b/FILE`, then hunks between `@@` lines, without line numbers, which change daily.
 */
function patchesOf(block: string): Patch[] {
  return block
    .split(/^--- /m)
    .slice(1)
    .map((patch) => {
      const [, from = '', file = '', body = ''] = /^(\S+)\n\+\+\+ b\/(\S+)\n@@\n([\s\S]*)$/.exec(patch) ?? [];
      return { file, isNew: from === '/dev/null', hunks: body.split(/^@@\n/m).map(hunkOf) };
    });
}

function hunkOf(text: string): { readonly before: string; readonly after: string } {
  const lines = text.split('\n').filter((line) => line !== '');
  const side = (mark: string): string =>
    lines.map((line) => (line[0] === ' ' || line[0] === mark ? `${line.slice(1)}\n` : '')).join('');
  return { before: side('-'), after: side('+') };
}

/**
 * The file with the patch applied.
 * @throws Error when the old text does not occur exactly once
 */
export function applied({ file, isNew, hunks }: Patch, text: string): string {
  if (isNew) return hunks.map(({ after }) => after).join('');
  return hunks.reduce((result, { before, after }) => {
    const found = result.split(before).length - 1;
    if (before === '' || found !== 1) throw new Error(`${file} has ${found} places like this:\n${before}`);
    return result.replace(before, () => after);
  }, text);
}
