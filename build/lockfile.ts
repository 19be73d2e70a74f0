interface Entry {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dependencies?: Record<string, string>;
}

export interface Lockfile {
  readonly name: string;
  readonly version: string;
  readonly packages: Record<string, Entry>;
}

/**
 * A manifest and a lockfile of the bundled packages, for `npm audit`, `npm sbom` and scanners: an installed virtune has
 * no node_modules to inspect.
 * @param folders of the packages, as in the lockfile
 * @param overrides those of virtune's manifest: without them npm rejects a newer lodash as invalid
 */
export function lockfileOf(
  folders: readonly string[],
  all: Lockfile,
  overrides: Record<string, string>,
): { manifest: object; lock: object } {
  const bundled = new Set(folders);
  const required = new Set<string>();
  const packages = folders.map((folder) => {
    const { version, integrity, license, dependencies = {} } = all.packages[folder] as Entry;
    const kept = Object.entries(dependencies).filter(([name]) => {
      const found = resolve(name, folder, all.packages);
      if (found !== undefined) required.add(found);
      return found !== undefined && bundled.has(found);
    });
    return [folder, { version, integrity, license, dependencies: Object.fromEntries(kept) }] as const;
  });
  const dependencies = Object.fromEntries(
    packages
      .filter(([folder]) => !required.has(folder))
      .map(([folder, { version }]) => [folder.slice('node_modules/'.length), version]),
  );
  const own = { name: `${all.name}-bundled`, version: all.version };
  return {
    manifest: { ...own, private: true, dependencies, overrides },
    lock: {
      ...own,
      lockfileVersion: 3,
      requires: true,
      packages: { '': { ...own, dependencies }, ...Object.fromEntries(packages) },
    },
  };
}

/** Node.js' module resolution: in the folder's node_modules, or in that of a parent. */
function resolve(name: string, folder: string, packages: Lockfile['packages']): string | undefined {
  const place = `${folder}/node_modules/${name}`;
  if (Object.hasOwn(packages, place)) return place;
  const above = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')));
  if (above !== '') return resolve(name, above, packages);
  return Object.hasOwn(packages, `node_modules/${name}`) ? `node_modules/${name}` : undefined;
}
