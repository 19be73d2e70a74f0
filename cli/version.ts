import { readFileSync } from 'node:fs';

/** From package.json: one level up in the sources, two in dist/. */
export function readVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as {
        name: string;
        version: string;
      };
      if (name === 'virtune') return version;
    } catch {
      // Not there: the next place.
    }
  }
  return 'unknown';
}
