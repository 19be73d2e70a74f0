import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configOf, dockerManifestOf, indexOf, manifestOf } from '../../build/image/documents.ts';
import { packLayer } from '../../build/image/layer.ts';

const layers = [
  { digest: 'sha256:aa', diffId: 'sha256:a1', size: 10, comment: 'libc6 2.41-12' },
  { digest: 'sha256:bb', diffId: 'sha256:b1', size: 20, comment: 'virtune 1.2.3' },
];
const about = {
  architecture: 'arm64',
  version: '1.2.3',
  commit: '',
  dateSeconds: 86_400,
  description: 'Watches KVM hosts.',
  user: 65_534,
};
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: 'sha256:cc', size: 30 };

test('the image runs the exporter on every address, as user 65534, and names its commit only where it is known', () => {
  expect(configOf(layers, about)).toMatchObject({
    created: '1970-01-02T00:00:00.000Z',
    architecture: 'arm64',
    os: 'linux',
    config: {
      User: '65534:65534',
      Entrypoint: ['/usr/bin/virtune'],
      Cmd: ['exporter', '--listen', ':9177'],
    },
    rootfs: { type: 'layers', diff_ids: ['sha256:a1', 'sha256:b1'] },
    history: [{ comment: 'libc6 2.41-12' }, { comment: 'virtune 1.2.3' }],
  });
  expect(JSON.stringify(configOf(layers, about))).not.toContain('revision');
  expect(JSON.stringify(configOf(layers, { ...about, commit: 'abc' }))).toContain('revision":"abc"');
});

test('the manifest, and what an older Docker reads in its place, name the same blobs', () => {
  expect(manifestOf(config, layers, about)).toMatchObject({
    config,
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: 'sha256:aa', size: 10 },
      { digest: 'sha256:bb', size: 20 },
    ],
  });
  expect(dockerManifestOf(config, layers, about)).toEqual([
    {
      Config: 'blobs/sha256/cc',
      RepoTags: ['virtune:1.2.3'],
      Layers: ['blobs/sha256/aa', 'blobs/sha256/bb'],
    },
  ]);
});

test('the index has the image with its platform and its tag', () => {
  const manifest = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: 'sha256:dd', size: 40 };
  expect(indexOf(manifest, about)).toMatchObject({
    manifests: [
      {
        ...manifest,
        platform: { architecture: 'arm64', os: 'linux' },
        annotations: { 'org.opencontainers.image.ref.name': '1.2.3' },
      },
    ],
  });
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'virtune-layer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a layer has the same bytes whenever its files were written, and is named by its digest', async () => {
  const packed = [];
  for (const [name, order] of [
    ['one', ['b', 'a']],
    ['two', ['a', 'b']],
  ] as const) {
    const [root, blobs] = [join(folder, name, 'root'), join(folder, name, 'blobs')];
    for (const each of [join(root, 'usr'), blobs]) mkdirSync(each, { recursive: true });
    for (const file of order) writeFileSync(join(root, 'usr', file), `content of ${file}`);
    utimesSync(join(root, 'usr/a'), 1_000, name.length * 2_000);
    packed.push({ blobs, layer: await packLayer(root, blobs, 86_400, 'files') });
  }
  const [one, two] = packed.map(({ layer }) => layer);
  expect(one).toEqual(two);
  for (const { blobs, layer } of packed) {
    const [file = ''] = readdirSync(blobs);
    expect(layer.digest).toBe(`sha256:${file}`);
    const bytes = readFileSync(join(blobs, file));
    expect(layer.size).toBe(statSync(join(blobs, file)).size);
    expect(layer.digest).toBe(`sha256:${sha256(bytes)}`);
    expect(layer.diffId).toBe(`sha256:${sha256(gunzipSync(bytes))}`);
    // Digests alone would also match if both layers lacked the time of the build.
    expect(gunzipSync(bytes).toString('latin1')).toContain('00000250600');
  }
});

test('a folder that tar cannot read makes no layer', async () => {
  await expect(packLayer(join(folder, 'absent'), folder, 0, 'files')).rejects.toThrow(/ENOENT/);
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
