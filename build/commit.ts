import { execFileSync } from 'node:child_process';

/**
 * The commit of this source tree, `-modified` with changes that are not committed; empty where there is no repository, as
 * in an unpacked archive.
 */
export function commitOfTree(): string {
  return git('describe', '--always', '--abbrev=12', '--exclude=*', '--dirty=-modified');
}

/**
 * When that commit was made, in seconds since 1970: the date in everything that is built, so that two builds of a commit
 * are equal. SOURCE_DATE_EPOCH takes precedence (https://reproducible-builds.org/specs/source-date-epoch/).
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
