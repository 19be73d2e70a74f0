import { readPackage } from '../sampler/package-folder.ts';

export function readVersion(): string {
  return readPackage()?.version ?? 'unknown';
}

/** The version and the commit it was built from; without a commit when running from source. */
export function versionWithCommit(): string {
  // Replaced by the build.
  const commit = process.env.VIRTUNE_COMMIT ?? '';
  return commit === '' ? readVersion() : `${readVersion()} (commit ${commit})`;
}
