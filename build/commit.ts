import { execFileSync } from 'node:child_process';

/**
 * The commit of this source tree, with `-modified` if there are uncommitted changes; empty without a repository, as in
 * an unpacked archive.
 */
export function commitOfTree(): string {
  return git('describe', '--always', '--abbrev=12', '--exclude=*', '--dirty=-modified');
}

/**
 * Commit time in seconds since 1970: the date in all build outputs, so that two builds of a commit are identical.
 * SOURCE_DATE_EPOCH takes precedence (https://reproducible-builds.org/specs/source-date-epoch/).
 */
export function sourceDateSeconds(): number {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct');
  return /^\d+$/.test(given) ? Number(given) : 0;
}

function git(...args: readonly string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}
