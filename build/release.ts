import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { architectureOf } from './architecture.ts';
import { commitOfTree, sourceDateSeconds } from './commit.ts';
import { type Sbom, sbomOf } from './sbom.ts';

/**
 * `npm run build:release`: builds all files of a release in build/out/release: the npm package, and for this
 * architecture the executable, deb, rpm and image; bill of materials and SHA256SUMS. Publishes nothing. Two runs of one
 * commit give identical files (.ci/nightly compares them).
 */
const OUT = 'build/out';
const RELEASE = `${OUT}/release`;

const { version } = readJson('package.json') as { version: string };
rmSync(RELEASE, { recursive: true, force: true });
mkdirSync(RELEASE, { recursive: true });
npm('run', '--silent', 'build:executable');
npm('run', '--silent', 'build:packages');
npm('run', '--silent', 'build:image');
npm('pack', '--silent', '--ignore-scripts', '--pack-destination', RELEASE);
const { node, debian, rpm } = architectureOf(process.arch);
for (const file of [
  `virtune-linux-${node}`,
  `virtune_${version}_${debian}.deb`,
  `virtune-${version}-1.${rpm}.rpm`,
  `virtune-${version}-image-${debian}.tar`,
]) {
  execFileSync('cp', ['--preserve=mode', `${OUT}/${file}`, RELEASE]);
}
writeFileSync(`${RELEASE}/virtune-${version}.cdx.json`, `${JSON.stringify(billOfMaterials(), null, 2)}\n`);

const files = globSync(`${RELEASE}/*`).sort();
const sums = await Promise.all(files.map(async (file) => `${await sha256(file)}  ${basename(file)}\n`));
writeFileSync(`${RELEASE}/SHA256SUMS`, sums.join(''));
process.stdout.write(`virtune ${version}, commit ${commitOfTree()}, in ${RELEASE}:\n${sums.join('')}`);

function billOfMaterials(): Sbom {
  const flags = ['--sbom-format=cyclonedx', '--package-lock-only', '--prefix', 'dist/bundled'];
  const printed = execFileSync('npm', ['sbom', ...flags], { encoding: 'utf8' });
  const { optionalDependencies } = readJson('build/runtime/package.json') as {
    optionalDependencies: Record<string, string>;
  };
  return sbomOf(JSON.parse(printed) as Sbom, {
    version,
    nodeVersion: optionalDependencies[`node-linux-${node}`] ?? '',
    dateSeconds: sourceDateSeconds(),
  });
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

function npm(...args: readonly string[]): void {
  execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}
