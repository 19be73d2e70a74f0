import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Debian release of the image: security updates until 2028, long-term support until 2030. */
const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MIRROR = 'http://deb.debian.org/debian';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Its whole control paragraph, as in dpkg's status. */
  readonly control: string;
  readonly file: string;
}

/**
 * Downloads packages of Debian's release and its security updates into a folder, and verifies them with Debian's keys.
 * Uses apt with separate lists, independent of the machine's packages and release.
 * @param architecture Debian's name
 * @returns the packages, sorted by name
 * @throws when a package is not available
 */
export function downloadPackages(
  names: readonly string[],
  architecture: string,
  folder: string,
): readonly DebianPackage[] {
  for (const each of ['lists/partial', 'cache/archives/partial', 'empty', 'packages']) {
    mkdirSync(`${folder}/${each}`, { recursive: true });
  }
  const mirror = mirrorOfMachine();
  const security = mirror.replace(/debian\/?$/, 'debian-security');
  writeFileSync(
    `${folder}/sources.list`,
    [
      `deb [signed-by=${KEYRING}] ${mirror} ${SUITE} main`,
      `deb [signed-by=${KEYRING}] ${security} ${SUITE}-security main`,
      '',
    ].join('\n'),
  );
  writeFileSync(`${folder}/status`, '');
  const flags = aptFlags(folder, architecture);
  const apt = (...args: readonly string[]): void => {
    execFileSync('apt-get', ['-qq', ...flags, ...args], {
      cwd: `${folder}/packages`,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  };
  apt('update');
  apt('download', ...names);
  const packages = globSync(`${folder}/packages/*.deb`).map(describe);
  const missing = names.filter((name) => !packages.some((each) => each.name === name));
  if (missing.length > 0) throw new Error(`apt has not downloaded ${missing.join(', ')} of ${SUITE}`);
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Options for apt-get to use only this folder: `sources.list`, `status`, `lists`, `cache` and `empty` in it.
 * @param architecture Debian's name
 */
export function aptFlags(folder: string, architecture: string): string[] {
  const options = {
    'Dir::Etc::SourceList': resolve(folder, 'sources.list'),
    'Dir::Etc::SourceParts': resolve(folder, 'empty'),
    'Dir::State::Lists': resolve(folder, 'lists'),
    'Dir::State::status': resolve(folder, 'status'),
    'Dir::Cache': resolve(folder, 'cache'),
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': 'root',
    // By default a failed list download is only a warning, and packages without the security updates would be used.
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
  };
  return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

function describe(file: string): DebianPackage {
  const control = execFileSync('dpkg-deb', ['--field', file], { encoding: 'utf8' });
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
  return { name: field('Package'), version: field('Version'), control, file };
}

/** The Debian mirror configured on this machine; Debian's default on other distributions. */
function mirrorOfMachine(): string {
  const sources = globSync(['/etc/apt/sources.list', '/etc/apt/sources.list.d/*']);
  const urls = sources.flatMap(
    (file) => readFileSync(file, 'utf8').match(/https?:\/\/\S+\/debian\/?(?=\s|$)/g) ?? [],
  );
  return urls[0] ?? MIRROR;
}
