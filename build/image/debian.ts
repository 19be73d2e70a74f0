import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Debian's release below the executable in the image: security updates until 2028, long-term ones until 2030. */
const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const MIRROR = 'http://deb.debian.org/debian';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** The whole paragraph that describes it, as dpkg keeps it. */
  readonly control: string;
  readonly file: string;
}

/**
 * Downloads packages of Debian's release and of its security updates into a folder, verified by Debian's keys. Uses apt
 * with its own lists, so that neither the machine's packages nor its release matter.
 * @param architecture in Debian's words
 * @returns the packages, sorted by name
 * @throws when one cannot be had
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
 * For an apt-get that uses a folder alone: `sources.list`, `status`, and `lists`, `cache`, `empty` in it.
 * @param architecture in Debian's words
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
    // By default a list that cannot be had is a warning: without the security updates, packages from before them would be taken.
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

/** Where the machine itself gets Debian from; Debian's own address where it has another distribution. */
function mirrorOfMachine(): string {
  const sources = globSync(['/etc/apt/sources.list', '/etc/apt/sources.list.d/*']);
  const urls = sources.flatMap(
    (file) => readFileSync(file, 'utf8').match(/https?:\/\/\S+\/debian\/?(?=\s|$)/g) ?? [],
  );
  return urls[0] ?? MIRROR;
}
