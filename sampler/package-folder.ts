import { readFileSync } from 'node:fs';
import { isSea } from 'node:sea';

/**
 * virtune's own files: the source tree, the installed package, or the contents of the executable, which Node.js shows
 * below a folder that exists in this process only. All three have the same layout except for the code, which the last
 * two have in dist/cli: one level up from this module in the sources, two there.
 */
export function packageFolder(): URL {
  for (const place of ['../', '../../']) {
    const folder = new URL(place, import.meta.url);
    if (readPackage(folder)?.name === 'virtune') return folder;
  }
  return new URL('../', import.meta.url);
}

/** `package.json` of that folder; undefined if it cannot be read. */
export function readPackage(
  folder: URL = packageFolder(),
): { readonly name: string; readonly version: string } | undefined {
  try {
    return JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
      name: string;
      version: string;
    };
  } catch {
    return undefined;
  }
}

/**
 * The module that a worker thread runs.
 * @param name of the module, without extension: it is beside the module that starts it, and in dist/cli beside the
 * bundle
 * @param from `import.meta.url` of the module that starts it
 */
export function workerModule(name: string, from: string): URL {
  // Sources run as they are; package and executable contain them compiled.
  const module = new URL(`./${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from);
  // A worker thread does not see the files in the executable (Node.js 26.10), so it gets the module's text.
  return isSea() ? new URL(`data:text/javascript;base64,${readFileSync(module, 'base64')}`) : module;
}
