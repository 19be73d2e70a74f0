import { readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../sampler/make-folder.ts';

/** After the XDG base directory specification. */
function settingsPath(): string {
  const base = process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  return join(base, 'virtune', 'top.json');
}

/** Undefined when nothing was saved. */
export async function readSettings(): Promise<string | undefined> {
  try {
    return await readFile(settingsPath(), 'utf8');
  } catch {
    return undefined;
  }
}

/** Atomic: writes a new file, then renames it. */
export async function writeSettings(text: string): Promise<string> {
  const path = settingsPath();
  await makeFolder(dirname(path));
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return path;
}
