import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Imports of each file: files by their path from `root`, packages by their specifier. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * The imports of all TypeScript files in these folders of `root`, including re-exports and type-only imports. With
 * `lazy`, also `import('./x.ts')`, which is only executed when reached.
 */
export function importGraph(
  root: string,
  folders: readonly string[],
  { lazy = false }: { readonly lazy?: boolean } = {},
): ImportGraph {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/^dist\/|node_modules\//.test(file))
      .map((file) => join(folder, file)),
  );
  return new Map(files.map((file) => [file, importsOf(root, file, lazy)]));
}

function importsOf(root: string, file: string, lazy: boolean): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [
    ...text.matchAll(/^(?:import|export)\b[^;']*?from '([^']+)';/gms),
    ...text.matchAll(/^import '([^']+)';/gm),
    ...(lazy ? text.matchAll(/\bimport\('([^']+)'\)/g) : []),
  ].map(([, target = '']) => (target.startsWith('.') ? join(dirname(file), target) : target));
}

/** Each import cycle once, as the files on it: `a.ts -> b.ts -> a.ts`. */
export function circlesIn(graph: ImportGraph): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      circles.push([...path.slice(start), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return circles;
}
