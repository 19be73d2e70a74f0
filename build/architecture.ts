/**
 * An architecture that virtune is built for, by its names in Node.js, in Debian and OCI, in rpm, and in GNU triples.
 */
export interface Architecture {
  readonly node: 'x64' | 'arm64';
  readonly debian: 'amd64' | 'arm64';
  readonly rpm: 'x86_64' | 'aarch64';
  readonly triple: 'x86_64-linux-gnu' | 'aarch64-linux-gnu';
}

const ARCHITECTURES: readonly Architecture[] = [
  { node: 'x64', debian: 'amd64', rpm: 'x86_64', triple: 'x86_64-linux-gnu' },
  { node: 'arm64', debian: 'arm64', rpm: 'aarch64', triple: 'aarch64-linux-gnu' },
];

/** @throws when there are no builds for this architecture, given by its Node.js name */
export function architectureOf(node: string): Architecture {
  const found = ARCHITECTURES.find((each) => each.node === node);
  if (found !== undefined) return found;
  throw new Error(
    `unsupported architecture ${node}; builds are for ${ARCHITECTURES.map((each) => each.node).join(', ')}`,
  );
}
