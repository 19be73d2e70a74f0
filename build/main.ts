import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { bundleCommand } from './bundle.ts';
import { type Lockfile, lockfileOf } from './lockfile.ts';
import { withFlags } from './node-flags.ts';
import { noticesOf } from './notices.ts';
import { writeShare } from './share.ts';

/**
 * Builds dist/. The command and all its dependencies are bundled into a few files in dist/cli, so that an installed
 * virtune has no dependencies. The importable part, `virtune/libvirt`, is compiled file by file, with types.
 */
rmSync('dist', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', ['-p', 'libvirt', '--outDir', 'dist/libvirt'], { stdio: 'inherit' });
const packages = await bundleCommand('dist/cli');
writeFileSync('dist/cli/virtune.js', withFlags(readFileSync('dist/cli/virtune.js', 'utf8')));
chmodSync('dist/cli/virtune.js', 0o755);
// Where blessed looks for them: next to the bundle's folder.
for (const terminal of ['linux', 'xterm-256color', 'xterm']) {
  cpSync(`node_modules/blessed/usr/${terminal}`, `dist/usr/${terminal}`);
}

await writeShare('dist/share');
writeFileSync('dist/THIRD-PARTY-NOTICES', noticesOf(packages));
const { overrides } = readJson('package.json') as { overrides: Record<string, string> };
const { manifest, lock } = lockfileOf(packages, readJson('package-lock.json') as Lockfile, overrides);
mkdirSync('dist/bundled');
writeJson('dist/bundled/package.json', manifest);
writeJson('dist/bundled/package-lock.json', lock);

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
