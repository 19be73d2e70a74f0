import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type Architecture, architectureOf } from './architecture.ts';
import { NODE_FLAGS } from './node-flags.ts';

/**
 * `npm run build:executable [-- x64|arm64]`: builds build/out/virtune-linux-x64 from dist/, a single file that needs no
 * Node.js: Node.js 26 with the package's files embedded as a single executable application
 * (https://nodejs.org/docs/latest-v26.x/api/single-executable-applications.html).
 *
 * `useVfs` presents the embedded files as a folder, so that chunks, profiles and dashboards are read as in the
 * package. It cannot be combined with a code cache, which would save 0.05 s at the start of a command.
 */
const RUNTIME = 'build/runtime';
const OUT = 'build/out';

const architecture = architectureOf(process.argv[2] ?? process.arch);
if (process.platform !== 'linux') throw new Error('executables are built on Linux');
mkdirSync(OUT, { recursive: true });
console.log(executableFor(architecture));

function executableFor({ node: target, triple }: Architecture): string {
  // One folder per architecture: npm would remove the other one.
  const builder = nodeFor(architectureOf(process.arch).node, `${OUT}/runtime`);
  const node = target === process.arch ? builder : nodeFor(target, `${OUT}/runtime-${target}`);
  const output = `${OUT}/virtune-linux-${target}`;
  // A running executable cannot be overwritten, but it can be replaced.
  rmSync(output, { force: true });
  // 33 MB of symbols that are never loaded. Stripping needs the binutils of that architecture.
  execFileSync(`${triple}-strip`, ['-o', `${OUT}/node-${target}`, node]);
  writeFileSync(`${OUT}/main.mjs`, "await import('./dist/cli/virtune.js');\n");
  writeFileSync(
    `${OUT}/notices`,
    `${readFileSync('dist/THIRD-PARTY-NOTICES', 'utf8')}\n${nodeNotices(node)}`,
  );
  writeFileSync(
    `${OUT}/executable.json`,
    JSON.stringify({
      main: `${OUT}/main.mjs`,
      mainFormat: 'module',
      executable: `${OUT}/node-${target}`,
      output,
      disableExperimentalSEAWarning: true,
      useVfs: true,
      execArgv: NODE_FLAGS,
      assets: { ...packagedFiles(), 'dist/THIRD-PARTY-NOTICES': `${OUT}/notices` },
    }),
  );
  execFileSync(builder, ['--build-sea', `${OUT}/executable.json`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  chmodSync(output, 0o755);
  return output;
}

/** The Node.js binary for that architecture, with version and hash from the lockfile. */
function nodeFor(target: Architecture['node'], folder: string): string {
  const node = `${folder}/node_modules/node-linux-${target}/bin/node`;
  const lock = readFileSync(`${RUNTIME}/package-lock.json`, 'utf8');
  const installed = `${folder}/package-lock.json`;
  if (existsSync(node) && existsSync(installed) && readFileSync(installed, 'utf8') === lock) return node;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    writeFileSync(`${folder}/${file}`, readFileSync(`${RUNTIME}/${file}`));
  }
  const npm = ['ci', '--silent', '--no-progress', '--ignore-scripts', '--os=linux', `--cpu=${target}`];
  execFileSync('npm', [...npm, '--prefix', folder], { stdio: 'inherit' });
  return node;
}

/** The licence text of Node.js, with those of its bundled components. */
function nodeNotices(node: string): string {
  return readFileSync(node.replace(/bin\/node$/, 'LICENSE'), 'utf8');
}

/**
 * The files listed in package.json's `files`, by path in the package; without dist/libvirt, which is only for imports.
 */
function packagedFiles(): Record<string, string> {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: readonly string[] };
  const all = [...files, 'package.json', 'LICENSE'].flatMap((each) =>
    statSync(each).isDirectory() ? globSync(`${each}/**/*`) : [each],
  );
  const kept = all.filter((file) => statSync(file).isFile() && !file.startsWith('dist/libvirt/'));
  return Object.fromEntries(kept.sort().map((file) => [file, file]));
}
