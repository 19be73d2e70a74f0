import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** JDKs of this machine, the oldest first. */
export function findJavas(): { readonly home: string; readonly major: number }[] {
  const all = '/usr/lib/jvm';
  if (!existsSync(all)) return [];
  return readdirSync(all)
    .map((name) => join(all, name))
    .filter((home) => existsSync(join(home, 'bin/javac')))
    .map((home) => ({ home, major: majorOf(home) }))
    .sort((a, b) => a.major - b.major);
}

function majorOf(home: string): number {
  const release = join(home, 'release');
  const text = existsSync(release) ? readFileSync(release, 'utf8') : '';
  return Number(/JAVA_VERSION="(\d+)/.exec(text)?.[1] ?? 0);
}
