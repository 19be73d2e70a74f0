import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadCommands } from '../cli/commands.ts';
import { bashCompletion } from '../cli/completion/bash.ts';
import { commandTree } from '../cli/completion/command-tree.ts';
import { fishCompletion } from '../cli/completion/fish.ts';
import { zshCompletion } from '../cli/completion/zsh.ts';
import { programOf } from '../cli/program.ts';
import { readVersion } from '../cli/version.ts';
import { sourceDateSeconds } from './commit.ts';
import { manualPages } from './manual.ts';

/** Generates the files below /usr/share from the commands: manual pages and completions. */
export async function writeShare(folder: string): Promise<void> {
  const root = commandTree(programOf(await loadCommands(undefined)));
  const files = new Map([
    ['bash-completion/completions/virtune', bashCompletion(root)],
    ['zsh/vendor-completions/_virtune', zshCompletion(root)],
    ['fish/vendor_completions.d/virtune.fish', fishCompletion(root)],
  ]);
  for (const [name, page] of manualPages(root, readVersion(), sourceDateSeconds())) {
    files.set(`man/man1/${name}`, page);
  }
  for (const [path, text] of files) {
    mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    writeFileSync(`${folder}/${path}`, text);
  }
}
