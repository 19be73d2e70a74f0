import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Architecture } from '../architecture.ts';
import type { DebianPackage } from './debian.ts';

/**
 * Only what the executable needs from a system: shared libraries, certificates, and the licences of both; no other
 * programs. Node.js has its own tzdata.
 */
export const BASE_PACKAGES = [
  'base-files',
  'ca-certificates',
  // Licences of the three GCC libraries.
  'gcc-14-base',
  'libatomic1',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
] as const;

/** The files kept from these packages: no gconv, locales, gdb scripts or changelogs. */
const kept = (triple: string): readonly string[] => [
  `usr/lib/${triple}/*.so*`,
  'usr/lib64/*',
  'usr/lib/ld-linux-*',
  'usr/lib/os-release',
  'etc/os-release',
  'usr/share/common-licenses/*',
  'usr/share/doc/*/copyright',
];

/** nobody, which exists on every host: libvirtd looks up the user of a connection. It owns no file of the image. */
export const USER = 65_534;

const FILES: Readonly<Record<string, string>> = {
  'etc/passwd': `root:x:0:0:root:/:/nonexistent\nnobody:x:${USER}:${USER}:nobody:/:/nonexistent\n`,
  'etc/group': `root:x:0:\nnogroup:x:${USER}:\n`,
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** Mount points for the runtime, with their modes: the root file system may be read-only. */
const MOUNT_POINTS: Readonly<Record<string, number>> = {
  dev: 0o755,
  'etc/virtune': 0o755,
  proc: 0o755,
  run: 0o755,
  'run/libvirt': 0o755,
  'run/virtune': 0o755,
  sys: 0o755,
  tmp: 0o1777,
};

/**
 * Fills an empty folder with the root file system below the executable.
 * @param scratch an empty folder for unpacking
 */
export function layBase(
  root: string,
  packages: readonly DebianPackage[],
  { triple }: Architecture,
  scratch: string,
): void {
  for (const folder of ['usr/lib64', 'etc/ssl/certs', 'var/lib/dpkg/status.d']) {
    mkdirSync(`${root}/${folder}`, { recursive: true });
  }
  for (const link of ['lib', 'lib64']) symlinkSync(`usr/${link}`, `${root}/${link}`);
  // libvirt's clients look for its sockets below /var/run.
  symlinkSync('../run', `${root}/var/run`);
  for (const { name, control, file } of packages) {
    const unpacked = `${scratch}/${name}`;
    mkdirSync(unpacked, { recursive: true });
    execFileSync('dpkg-deb', ['--extract', file, unpacked]);
    for (const each of keptFiles(unpacked, triple)) {
      copyAsIs(`${unpacked}/${each}`, `${root}/${each}`);
    }
    // Where scanners look for packages in an image without dpkg.
    writeFileSync(`${root}/var/lib/dpkg/status.d/${name}`, control);
  }
  writeFileSync(`${root}/etc/ssl/certs/ca-certificates.crt`, certificatesIn(`${scratch}/ca-certificates`));
  for (const [file, text] of Object.entries(FILES)) writeFileSync(`${root}/${file}`, text);
  // Independent of the umask. Nothing in the base is executed directly except the loader, which the kernel maps.
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', root]);
  for (const [folder, mode] of Object.entries(MOUNT_POINTS)) {
    mkdirSync(`${root}/${folder}`, { recursive: true });
    chmodSync(`${root}/${folder}`, mode);
  }
}

function keptFiles(unpacked: string, triple: string): readonly string[] {
  const files = globSync([...kept(triple)], { cwd: unpacked });
  // The documentation folder of some packages is a symlink to that of another.
  const links = globSync('usr/share/doc/*', { cwd: unpacked }).filter((each) =>
    lstatSync(`${unpacked}/${each}`).isSymbolicLink(),
  );
  return [...files, ...links];
}

/** Copies a symlink as a symlink: cpSync follows those that leave the folder. */
function copyAsIs(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else copyFileSync(from, to);
}

/** Concatenated, as by update-ca-certificates(8). */
function certificatesIn(unpacked: string): string {
  const files = globSync(`${unpacked}/usr/share/ca-certificates/mozilla/*.crt`).sort();
  return files.map((file) => readFileSync(file, 'utf8')).join('');
}
