import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { circlesIn, importGraph } from './import-graph.ts';
import { MAY_IMPORT } from './rooms.ts';

const ROOT = join(import.meta.dirname, '..');

const graph = importGraph(ROOT, Object.keys(MAY_IMPORT));
const sources = [...graph.keys()];
const imports = (file: string): readonly string[] => graph.get(file) ?? [];
const isFile = (target: string): boolean => target.endsWith('.ts');
const roomOf = (file: string): string => file.split('/')[0] as string;
const lazyGraph = importGraph(ROOT, Object.keys(MAY_IMPORT), { lazy: true });

/** All direct and indirect imports of these files, including lazy ones. */
function reachable(...entries: readonly string[]): string[] {
  const found = new Set(entries);
  for (const file of found) {
    for (const target of lazyGraph.get(file) ?? []) if (lazyGraph.has(target)) found.add(target);
  }
  return [...found];
}

test('imports between rooms run one way', () => {
  const wrong = sources.flatMap((file) => {
    const room = roomOf(file);
    return imports(file)
      .filter(isFile)
      .map(roomOf)
      .filter((other) => other !== room && !MAY_IMPORT[room]?.includes(other))
      .map((other) => `${file} imports ${other}`);
  });
  expect(wrong).toEqual([]);
});

// Type-only imports count: files that need each other's types cannot be read, moved or tested one without the other.
test('no file imports itself through others, within a room or across rooms', () => {
  const all = importGraph(ROOT, [...Object.keys(MAY_IMPORT), 'build', 'test'], { lazy: true });
  expect(all.size).toBeGreaterThan(900);
  expect(circlesIn(all)).toEqual([]);
});

test('a circle of imports is found, whatever file it is entered by', () => {
  const circle = new Map([
    ['entry.ts', ['a.ts', 'node:fs']],
    ['a.ts', ['b.ts']],
    ['b.ts', ['c.ts', 'leaf.ts']],
    ['c.ts', ['leaf.ts', 'a.ts']],
    ['leaf.ts', []],
  ]);
  expect(circlesIn(circle)).toEqual(['a.ts -> b.ts -> c.ts -> a.ts']);
  expect(circlesIn(new Map([...circle, ['c.ts', ['leaf.ts']]]))).toEqual([]);
});

test('no file passes on what another exports, but the entry point of the package', () => {
  const passing = sources.filter((file) =>
    /^export\b[^;'=]*\bfrom '/m.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  expect(passing).toEqual(['libvirt/index.ts']);
});

test('an all.ts is a registry: it puts together what the files beside it declare, and exports that', () => {
  const registries = sources.filter((file) => file.endsWith('/all.ts'));
  expect(registries.length).toBeGreaterThan(5);
  for (const file of registries) {
    const neighbours = imports(file).filter((target) => target.startsWith(`${dirname(file)}/`));
    expect(neighbours.length, file).toBeGreaterThan(5);
  }
});

test('libvirt/ stands alone: it imports nothing but Node.js', () => {
  const packages = sources
    .filter((file) => file.startsWith('libvirt/'))
    .flatMap((file) => imports(file).filter((target) => !isFile(target) && !target.startsWith('node:')));
  expect(packages).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(ROOT, 'libvirt/package.json'), 'utf8')) as object;
  expect(Object.keys(manifest).filter((field) => /dependencies$/i.test(field))).toEqual([]);
});

/** Synchronous file access, and to what: never to a path that users configure for a long-running process. */
const SYNCHRONOUS: Readonly<Record<string, string>> = {
  'cli/advise/explain.ts': 'a page of the package',
  'cli/end.ts': '/bin/sh, at the end',
  'cli/licenses.ts': 'a file of the package',
  'cli/runbook.ts': 'pages of the package',
  'cli/top/raw-terminal.ts': 'the terminal',
  'cli/top/run-console.ts': 'the terminal',
  'cli/tune/plan.ts': 'writes the file of a command that ends then',
  'exporter/ndjson/line-file.ts': '/proc/self',
  'sampler/package-folder.ts': 'a file of the package',
  'sampler/proc-file.ts': '/proc, /sys and control groups',
  'sampler/record/members.ts': 'a recording, for the console that shows nothing else',
  'sampler/record/recording.ts': 'a recording, for the console that shows nothing else',
  'tuner/facts/local-host.ts': '/proc and /sys',
  'tuner/facts/vm-cpusets.ts': 'control groups',
  'tuner/lock/lease-record.ts': '/proc',
};

test('nothing waits for a file system with the whole process, but for those of the kernel, the package and the terminal', () => {
  const rooms = ['cli', 'libvirt', 'model', 'sampler', 'exporter', 'advice', 'tui', 'tuner'];
  const found = sources
    .filter((file) => rooms.includes(roomOf(file)))
    .filter((file) => {
      const calls = readFileSync(join(ROOT, file), 'utf8').matchAll(/\b(\w+)Sync\(/g);
      return [...calls].some(([, name = '']) => !/^(gunzip|inflateRaw|compare|spawn)$/.test(name));
    });
  expect(found.toSorted()).toEqual(Object.keys(SYNCHRONOUS));
});

test('the model is pure: it reads no file, no clock and no socket', () => {
  const impure = sources
    .filter((file) => file.startsWith('model/'))
    .filter((file) =>
      /from 'node:|Date\.now|process\.|setTimeout/.test(readFileSync(join(ROOT, file), 'utf8')),
    );
  expect(impure).toEqual([]);
});

/** Packages that may be bundled into the command, for every user of virtune: review those added here. */
const BUNDLED = [
  '@elastic/elasticsearch',
  '@opentelemetry/api',
  '@opentelemetry/otlp-transformer',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  '@xmldom/xmldom',
  'bcryptjs',
  'blessed',
  'blessed-contrib',
  'commander',
  'diff',
  'prom-client',
  're2js',
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
    .filter((target) => !isFile(target) && !target.startsWith('node:'))
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
