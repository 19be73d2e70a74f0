import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { architectureOf } from './architecture.ts';
import { sourceDateSeconds } from './commit.ts';

/**
 * `npm run build:packages [-- deb|rpm|x64|arm64 ...]`: builds build/out/virtune_VERSION_amd64.deb and
 * virtune-VERSION-1.x86_64.rpm from the executable. Needs dpkg-deb, and rpmbuild (Debian: rpm).
 */
const OUT = 'build/out';
const TREE = `${OUT}/tree`;
const UNITS = 'usr/lib/systemd/system';
const CONFFILE = 'etc/default/virtune-exporter';
/** zsh's completion folders for packages: Debian's, which it adds to `$fpath`, and that of all other distributions. */
const ZSH_FOLDERS = ['/zsh/vendor-completions/', '/zsh/site-functions/'] as const;
/** 6 saves another 3 MB and takes twice as long; tests use 0. */
const XZ_LEVEL = process.env['VIRTUNE_XZ_LEVEL'] ?? '3';
/** glibc of Node.js 26 (BUILDING.md); libatomic is not in a minimal Debian. */
const DEPENDS = 'libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1, systemd, init-system-helpers (>= 1.52)';

const { version, description } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  description: string;
};
const env = { ...process.env, SOURCE_DATE_EPOCH: String(sourceDateSeconds()) };
const FORMATS: Readonly<Record<string, () => string>> = { deb: buildDeb, rpm: buildRpm };
const words = process.argv.slice(2);
const asked = words.filter((word) => Object.hasOwn(FORMATS, word));
const architecture = architectureOf(words.find((word) => !asked.includes(word)) ?? process.arch);
const executable = `${OUT}/virtune-linux-${architecture.node}`;
if (!existsSync(executable)) throw new Error(`${executable} is missing: run npm run build:executable`);
for (const [format, build] of Object.entries(FORMATS)) {
  if (asked.length > 0 && !asked.includes(format)) continue;
  rmSync(TREE, { recursive: true, force: true });
  console.log(build());
}

/** Every file of the packages, by its path on a Debian host. */
function files(): Record<string, string> {
  const units = globSync('deploy/systemd/*.{service,socket,timer}');
  const dropIns = globSync('deploy/systemd/virtune-exporter.service.d/*.conf');
  return {
    'usr/bin/virtune': executable,
    ...Object.fromEntries(units.map((file) => [`${UNITS}/${basename(file)}`, file])),
    [`${UNITS}/virtune-exporter.service.d/10-package.conf`]: 'deploy/packages/10-package.conf',
    'usr/lib/sysusers.d/virtune.conf': 'deploy/packages/sysusers.conf',
    'usr/lib/tmpfiles.d/virtune.conf': 'deploy/packages/tmpfiles.conf',
    'usr/share/polkit-1/rules.d/49-virtune.rules': 'deploy/packages/49-virtune.rules',
    [CONFFILE]: 'deploy/packages/virtune-exporter.default',
    'usr/share/doc/virtune/copyright': `${OUT}/notices`,
    'usr/share/doc/virtune/LICENSE': 'LICENSE',
    'usr/share/doc/virtune/CHANGELOG.md': 'CHANGELOG.md',
    ...Object.fromEntries(
      dropIns.map((file) => [
        `usr/share/doc/virtune/examples/virtune-exporter.service.d/${basename(file)}`,
        file,
      ]),
    ),
    ...Object.fromEntries(
      globSync('dist/share/**/*')
        .filter((file) => statSync(file).isFile())
        .map((file) => [`usr/share/${file.slice('dist/share/'.length)}`, file]),
    ),
  };
}

/** @returns the files in the tree */
function layTree(placeOf = (place: string): string => place): string[] {
  const placed = Object.entries(files())
    .map(([place, file]) => [placeOf(place), file] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [place, file] of placed) {
    const target = `${TREE}/${place}`;
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    copyFileSync(file, target);
    chmodSync(target, place.startsWith('usr/bin/') ? 0o755 : 0o644);
  }
  return placed.map(([place]) => place);
}

function buildDeb(): string {
  const placed = layTree();
  const control = `${TREE}/DEBIAN`;
  mkdirSync(control, { mode: 0o755 });
  const kilobytes = Math.ceil(statSync(executable).size / 1024) + 1024;
  const fields = {
    Package: 'virtune',
    Version: version,
    Architecture: architecture.debian,
    Maintainer: 'The virtune authors <virtune@users.noreply.github.com>',
    'Installed-Size': String(kilobytes),
    Depends: DEPENDS,
    Suggests: 'prometheus, polkitd',
    Section: 'admin',
    Priority: 'optional',
    Homepage: 'https://github.com/virtune/virtune',
    Description: description,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(`${control}/control`, lines.join(''));
  writeFileSync(`${control}/conffiles`, `/${CONFFILE}\n`);
  // For dpkg --verify, and to distinguish builds of the same version (deploy/ansible).
  const sums = placed
    .filter((place) => place !== CONFFILE)
    .map((place) => `${hash('md5', readFileSync(`${TREE}/${place}`))}  ${place}\n`);
  writeFileSync(`${control}/md5sums`, sums.join(''));
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copyFileSync(`deploy/packages/${script}`, `${control}/${script}`);
    chmodSync(`${control}/${script}`, 0o755);
  }
  const output = `${OUT}/virtune_${version}_${architecture.debian}.deb`;
  const how = ['--root-owner-group', '-Zxz', `-z${XZ_LEVEL}`, '--threads-max=2'];
  execFileSync('dpkg-deb', [...how, '--build', TREE, output], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return output;
}

function buildRpm(): string {
  const placed = layTree((place) => place.replace(...ZSH_FOLDERS));
  const list = `${OUT}/rpm-files`;
  writeFileSync(
    list,
    placed
      .map((place) => `/${place}\n`)
      .filter((line) => line !== `/${CONFFILE}\n`)
      .join(''),
  );
  const defines = {
    _topdir: resolve(`${OUT}/rpm`),
    _rpmdir: resolve(OUT),
    _rpmfilename: '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
    _binary_payload: `w${XZ_LEVEL}T2.xzdio`,
    _build_id_links: 'none',
    _buildhost: 'localhost',
    // No stripping: it would remove the files embedded in the executable.
    __os_install_post: '%{nil}',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    virtune_version: version,
    virtune_built: resolve(TREE),
    virtune_files: resolve(list),
  };
  const flags = Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  execFileSync(
    'rpmbuild',
    ['-bb', '--quiet', '--target', `${architecture.rpm}-linux`, ...flags, 'deploy/packages/virtune.spec'],
    {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  rmSync(`${OUT}/rpm`, { recursive: true, force: true });
  return `${OUT}/virtune-${version}-1.${architecture.rpm}.rpm`;
}
