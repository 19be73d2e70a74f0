import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
};

/**
 * dist/ afresh. The command is bundled, a piece for each of its commands, since Node reads a few large files
 * sooner than 400 small ones (test/bench: top); nothing is minified, so that a stack can be read. What can be
 * imported, `virtune/libvirt`, stays file by file, with its types.
 */
rmSync('dist', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const bundle = await rolldown({
  input: { virtune: 'cli/virtune.ts', 'bcrypt-worker': 'exporter/http/bcrypt-worker.ts' },
  platform: 'node',
  external: (id) => Object.keys(dependencies).some((name) => id === name || id.startsWith(`${name}/`)),
});
await bundle.write({ dir: 'dist/cli', format: 'esm' });
await bundle.close();
// Where the bundle looks for them: beside its own folder.
cpSync('tuner/profiles', 'dist/profiles', { recursive: true });
chmodSync('dist/cli/virtune.js', 0o755);
