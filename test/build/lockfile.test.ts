import { expect, test } from 'vitest';
import { lockfileOf } from '../../build/lockfile.ts';

const all = {
  name: 'virtune',
  version: '1.2.3',
  packages: {
    'node_modules/width': {
      version: '8.0.0',
      integrity: 'sha512-w',
      license: 'MIT',
      dependencies: { strip: '^7', unused: '^1' },
      dev: true,
    },
    'node_modules/strip': { version: '3.0.0' },
    'node_modules/width/node_modules/strip': { version: '7.0.0', dependencies: { shared: '^1' } },
    'node_modules/shared': { version: '1.0.0' },
    'node_modules/unused': { version: '1.0.0' },
    'node_modules/old': { version: '4.0.0', dependencies: { strip: '^3' } },
  },
};

test('the lockfile has the bundled packages alone, each with the dependencies that Node.js finds from its folder', () => {
  const folders = ['node_modules/old', 'node_modules/shared', 'node_modules/width'];
  folders.push('node_modules/width/node_modules/strip');
  const { manifest, lock } = lockfileOf(folders, all, { shared: '^1' });
  expect(manifest).toEqual({
    name: 'virtune-bundled',
    version: '1.2.3',
    private: true,
    dependencies: { old: '4.0.0', width: '8.0.0' },
    overrides: { shared: '^1' },
  });
  expect((lock as { packages: object }).packages).toEqual({
    '': { name: 'virtune-bundled', version: '1.2.3', dependencies: { old: '4.0.0', width: '8.0.0' } },
    // It depends on the top-level strip, which is not bundled.
    'node_modules/old': { version: '4.0.0', dependencies: {} },
    'node_modules/shared': { version: '1.0.0', dependencies: {} },
    'node_modules/width': {
      version: '8.0.0',
      integrity: 'sha512-w',
      license: 'MIT',
      dependencies: { strip: '^7' },
    },
    'node_modules/width/node_modules/strip': { version: '7.0.0', dependencies: { shared: '^1' } },
  });
});
