import { packageFolder, readPackage } from './package-folder.ts';

export function readVersion(): string {
  return readPackage(packageFolder())?.version ?? 'unknown';
}
