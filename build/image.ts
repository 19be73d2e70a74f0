import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { architectureOf } from './architecture.ts';
import { commitOfTree, sourceDateSeconds } from './commit.ts';
import { BASE_PACKAGES, layBase, USER } from './image/base.ts';
import { downloadPackages } from './image/debian.ts';
import {
  CONFIG_TYPE,
  configOf,
  type Descriptor,
  dockerManifestOf,
  indexOf,
  MANIFEST_TYPE,
  manifestOf,
} from './image/documents.ts';
import { packLayer } from './image/layer.ts';

/**
 * `npm run build:image [-- x64|arm64]`: builds build/out/virtune-VERSION-image-amd64.tar, an OCI layout with the
 * executable on top of the few Debian libraries it needs. Uses no daemon and no registry; needs dpkg-deb, GNU tar, and
 * apt with Debian's keys. Two builds of a commit with the same Debian packages have the same digest.
 */
const OUT = 'build/out';

const architecture = architectureOf(process.argv[2] ?? process.arch);
const executable = `${OUT}/virtune-linux-${architecture.node}`;
if (!existsSync(executable)) throw new Error(`${executable} is missing: run npm run build:executable`);
const { version, description } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  version: string;
  description: string;
};
const about = {
  architecture: architecture.debian,
  version,
  description,
  commit: commitOfTree(),
  dateSeconds: sourceDateSeconds(),
  user: USER,
};

const work = `${OUT}/image-${architecture.debian}`;
const layout = `${work}/layout`;
const blobs = `${layout}/blobs/sha256`;
rmSync(work, { recursive: true, force: true });
mkdirSync(blobs, { recursive: true });

const packages = downloadPackages(BASE_PACKAGES, architecture.debian, `${work}/apt`);
layBase(`${work}/base`, packages, architecture, `${work}/scratch`);
layVirtune(`${work}/virtune`);
const layers = [
  await packLayer(
    `${work}/base`,
    blobs,
    about.dateSeconds,
    packages.map((each) => `${each.name} ${each.version}`).join(', '),
  ),
  await packLayer(`${work}/virtune`, blobs, about.dateSeconds, `virtune ${version}`),
];
const config = writeBlob(CONFIG_TYPE, configOf(layers, about));
const manifest = writeBlob(MANIFEST_TYPE, manifestOf(config, layers, about));
writeFileSync(`${layout}/oci-layout`, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
writeFileSync(`${layout}/index.json`, JSON.stringify(indexOf(manifest, about)));
writeFileSync(`${layout}/manifest.json`, JSON.stringify(dockerManifestOf(config, layers, about)));
console.log(`${packArchive()} ${manifest.digest}`);

function layVirtune(folder: string): void {
  const documentation = `${folder}/usr/share/doc/virtune`;
  for (const each of [`${folder}/usr/bin`, documentation]) mkdirSync(each, { recursive: true });
  const files = {
    [`${folder}/usr/bin/virtune`]: executable,
    [`${documentation}/copyright`]: `${OUT}/notices`,
    [`${documentation}/LICENSE`]: 'LICENSE',
  };
  for (const [place, file] of Object.entries(files)) copyFileSync(file, place);
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', folder]);
  chmodSync(`${folder}/usr/bin/virtune`, 0o755);
}

function writeBlob(mediaType: string, document: object): Descriptor {
  const text = JSON.stringify(document);
  const hash = createHash('sha256').update(text).digest('hex');
  writeFileSync(`${blobs}/${hash}`, text);
  return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(text) };
}

/** @returns the path of the layout as a tar archive */
function packArchive(): string {
  const archive = `${OUT}/virtune-${version}-image-${architecture.debian}.tar`;
  execFileSync('tar', [
    ...['--create', '--file', archive, '--format=ustar', '--sort=name', `--mtime=@${about.dateSeconds}`],
    ...['--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX', '--directory', layout],
    ...['blobs', 'index.json', 'manifest.json', 'oci-layout'],
  ]);
  rmSync(work, { recursive: true, force: true });
  return archive;
}
