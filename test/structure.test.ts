import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** Which rooms a room may import; its own is always allowed. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  libvirt: [],
  model: ['libvirt'],
  sampler: ['libvirt', 'model'],
  exporter: ['libvirt', 'model', 'sampler'],
  tui: ['libvirt', 'model', 'sampler'],
  tuner: ['libvirt', 'model', 'sampler'],
  simulator: ['libvirt', 'model'],
  dashboards: ['model'],
  docs: ['model', 'tui', 'tuner'],
  cli: ['libvirt', 'model', 'sampler', 'exporter', 'tui', 'tuner', 'dashboards', 'simulator'],
};

const sources = Object.keys(MAY_IMPORT).flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('dist/'))
    .map((file) => join(room, file)),
);

function imports(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';/gms)].map(
    (match) => match[1] as string,
  );
}

/** All that these files import, and what that imports; at once or when it is needed. */
function reachable(...entries: readonly string[]): string[] {
  const found = new Set(entries);
  for (const file of found) {
    const later = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/\bimport\('([^']+)'\)/g)];
    const targets = [...imports(file), ...later.map((match) => match[1] as string)];
    for (const target of targets.filter((each) => each.startsWith('.'))) {
      found.add(relative(ROOT, join(ROOT, dirname(file), target)));
    }
  }
  return [...found];
}

test('imports run one way, from room to room as the house is drawn', () => {
  const wrong = sources.flatMap((file) => {
    const room = file.split('/')[0] as string;
    return imports(file)
      .filter((target) => target.startsWith('.'))
      .map((target) => relative(ROOT, join(ROOT, dirname(file), target)).split('/')[0] as string)
      .filter((other) => other !== room && !MAY_IMPORT[room]?.includes(other))
      .map((other) => `${file} imports ${other}`);
  });
  expect(wrong).toEqual([]);
});

test('libvirt/ stands alone: it imports nothing but Node.js', () => {
  const packages = sources
    .filter((file) => file.startsWith('libvirt/'))
    .flatMap((file) =>
      imports(file).filter((target) => !target.startsWith('.') && !target.startsWith('node:')),
    );
  expect(packages).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(ROOT, 'libvirt/package.json'), 'utf8')) as object;
  expect(Object.keys(manifest).filter((field) => /dependencies$/i.test(field))).toEqual([]);
});

test('the model is pure: it reads no file, no clock and no socket', () => {
  const impure = sources
    .filter((file) => file.startsWith('model/'))
    .filter((file) =>
      /from 'node:|Date\.now|process\.|setTimeout/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
  expect(impure).toEqual([]);
});

/** What the build may bundle into the command. A package added here is read by every user of virtune: review it. */
const BUNDLED = [
  '@elastic/elasticsearch',
  '@xmldom/xmldom',
  'bcryptjs',
  'blessed',
  'blessed-contrib',
  'commander',
  'diff',
  'prom-client',
  'string-width',
  'xpath',
  'yaml',
  'zod',
];

test('the command uses these packages and no development tool', () => {
  const published = reachable('cli/virtune.ts', 'exporter/http/bcrypt-worker.ts', 'libvirt/index.ts');
  expect(published.length).toBeGreaterThan(100);
  const widgets = readFileSync(join(ROOT, 'tui/widgets.cjs'), 'utf8');
  const used = [
    ...published.flatMap(imports),
    ...[...widgets.matchAll(/require\('([^']+)'\)/g)].map((match) => match[1] as string),
  ]
    .filter((target) => !/^(\.|node:)/.test(target))
    .map((target) =>
      target
        .split('/')
        .slice(0, target.startsWith('@') ? 2 : 1)
        .join('/'),
    );
  expect([...new Set(used)].sort()).toEqual(BUNDLED);
});

test('an installed virtune brings no other package: the build bundles what the command uses', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  for (const field of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies']) {
    expect(manifest, field).not.toHaveProperty(field);
  }
});
