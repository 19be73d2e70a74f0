import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { jsonFile, type PlacedLimit } from '../built.ts';
import { configurationFiles, type Files, PATHS } from '../files.ts';
import { pages } from './pages/all.ts';

/** Everything in dashboards/built, by path. */
export function generatedFiles(): Files {
  const all = pages();
  const limits = all.flatMap((page) =>
    page.limits.map((limit): PlacedLimit => ({ file: `${page.name}.json`, ...limit })),
  );
  return new Map([
    ...all.map((page): [string, string] => [
      `${PATHS.dashboards}/${page.name}.json`,
      jsonFile(page.dashboard),
    ]),
    ['limits.json', jsonFile(limits)],
    ...configurationFiles(),
  ]);
}

export function writeGenerated(folder: URL): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [path, text] of generatedFiles()) {
    const file = new URL(path, folder);
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, text);
  }
}
