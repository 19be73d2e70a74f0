import { readFileSync } from 'node:fs';

/** Of virtune itself: one level up in the sources, two in dist/. */
export function packageFolder(): URL {
  for (const place of ['../', '../../']) {
    const folder = new URL(place, import.meta.url);
    if (readPackage(folder)?.name === 'virtune') return folder;
  }
  return new URL('../', import.meta.url);
}

export function readPackage(folder: URL): { readonly name: string; readonly version: string } | undefined {
  try {
    return JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
      name: string;
      version: string;
    };
  } catch {
    return undefined;
  }
}
