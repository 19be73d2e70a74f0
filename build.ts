import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';

/** dist/ afresh: JavaScript for Node without type stripping, and types for who imports `virtune/libvirt`. */
rmSync('dist', { recursive: true, force: true });
execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
cpSync('tuner/profiles', 'dist/tuner/profiles', { recursive: true });
chmodSync('dist/cli/virtune.js', 0o755);
