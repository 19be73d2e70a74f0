/** A layer of an image: a gzipped tar. */
export interface Layer {
  /** `sha256:` and the hash of the file. */
  readonly digest: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** Size of the file, in bytes. */
  readonly size: number;
  /** Content, for `docker history`. */
  readonly comment: string;
}

/** An OCI descriptor: a reference to a document or a layer. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface About {
  /** Name in Debian and OCI: amd64, arm64. */
  readonly architecture: string;
  readonly version: string;
  /** Empty if unknown. */
  readonly commit: string;
  readonly dateSeconds: number;
  readonly description: string;
  /** UID that it runs as, which is also the GID. */
  readonly user: number;
}

const NAME = 'virtune';
const SOURCE = 'https://github.com/virtune/virtune';
const TYPE = 'application/vnd.oci.image';

/** The configuration of an image (https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md). */
export function configOf(layers: readonly Layer[], about: About): object {
  const created = new Date(about.dateSeconds * 1_000).toISOString();
  return {
    created,
    architecture: about.architecture,
    os: 'linux',
    config: {
      User: `${about.user}:${about.user}`,
      ExposedPorts: { '9177/tcp': {} },
      Env: ['PATH=/usr/bin'],
      Entrypoint: ['/usr/bin/virtune'],
      Cmd: ['exporter', '--listen', ':9177'],
      WorkingDir: '/',
      Labels: labelsOf(about),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ comment }) => ({ created, created_by: 'npm run build:image', comment })),
  };
}

/** The manifest of an image (https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md). */
export function manifestOf(config: Descriptor, layers: readonly Layer[], about: About): object {
  return {
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config,
    layers: layers.map(({ digest, size }) => ({ mediaType: `${TYPE}.layer.v1.tar+gzip`, digest, size })),
    annotations: labelsOf(about),
  };
}

/**
 * The index of a layout with one image. Tools read its name from different annotations: OCI's, containerd's and
 * podman's.
 */
export function indexOf(manifest: Descriptor, { version, architecture }: About): object {
  return {
    schemaVersion: 2,
    mediaType: `${TYPE}.index.v1+json`,
    manifests: [
      {
        ...manifest,
        annotations: {
          'io.containerd.image.name': `docker.io/library/${NAME}:${version}`,
          'org.opencontainers.image.ref.name': version,
        },
        platform: { architecture, os: 'linux' },
      },
    ],
  };
}

/** Manifest for `docker load` before version 25, which refers to the same blobs. */
export function dockerManifestOf(config: Descriptor, layers: readonly Layer[], { version }: About): object {
  const place = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  return [
    {
      Config: place(config.digest),
      RepoTags: [`${NAME}:${version}`],
      Layers: layers.map(({ digest }) => place(digest)),
    },
  ];
}

export const CONFIG_TYPE = `${TYPE}.config.v1+json`;
export const MANIFEST_TYPE = `${TYPE}.manifest.v1+json`;

/** https://github.com/opencontainers/image-spec/blob/v1.1.0/annotations.md */
function labelsOf({ version, commit, dateSeconds, description }: About): Readonly<Record<string, string>> {
  return {
    'org.opencontainers.image.created': new Date(dateSeconds * 1_000).toISOString(),
    'org.opencontainers.image.description': description,
    'org.opencontainers.image.licenses': 'Apache-2.0',
    ...(commit === '' ? {} : { 'org.opencontainers.image.revision': commit }),
    'org.opencontainers.image.source': SOURCE,
    'org.opencontainers.image.title': NAME,
    'org.opencontainers.image.version': version,
  };
}
