import { readPackage } from '../sampler/package-folder.ts';

export function readVersion(): string {
  return readPackage()?.version ?? 'unknown';
}

/** The version, with the commit that it was built from; sources that run as they are have none. */
export function versionWithCommit(): string {
  // The build puts the commit in here.
  const commit = process.env.VIRTUNE_COMMIT ?? '';
  return commit === '' ? readVersion() : `${readVersion()} (commit ${commit})`;
}
