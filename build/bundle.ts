import { relative } from 'node:path';
import { type OutputChunk, type OutputOptions, type Plugin, type RolldownOptions, rolldown } from 'rolldown';
import { commitOfTree } from './commit.ts';

/** Imported by blessed for its terminal widget, which virtune does not use. */
const NEVER_LOADED = ['pty.js', 'term.js'];

/**
 * Bundles the command into a folder, with one chunk per subcommand: Node loads a few large files faster than 400 small
 * ones (test/bench: top). Not minified, to keep stack traces readable.
 * @returns the folders of the bundled packages, sorted, as in package-lock.json (`node_modules/zod`)
 * @throws when an import cannot be resolved: an installed virtune has no node_modules
 */
export async function bundleCommand(folder: string): Promise<string[]> {
  const command = await write(
    {
      input: { virtune: 'cli/virtune.ts', 'bcrypt-worker': 'exporter/http/bcrypt-worker.ts' },
      transform: { define: { 'process.env.VIRTUNE_COMMIT': JSON.stringify(commitOfTree()) } },
    },
    { dir: folder, format: 'esm' },
  );
  const widgets = await write(
    { input: { widgets: 'tui/widgets.cjs' }, external: NEVER_LOADED, plugins: [forBlessed] },
    { dir: folder, format: 'cjs', entryFileNames: '[name].cjs', strict: false },
  );
  const modules = [...command, ...widgets].flatMap(({ moduleIds }) => moduleIds);
  const packages = modules
    .map((id) => relative('.', id))
    .flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(packages)].sort();
}

async function write(input: RolldownOptions, output: OutputOptions): Promise<OutputChunk[]> {
  const bundle = await rolldown({
    platform: 'node',
    onLog(_, log) {
      throw new Error(log.message);
    },
    ...input,
  });
  const written = await bundle.write(output);
  await bundle.close();
  return written.output.filter((each) => each.type === 'chunk');
}

/**
 * rolldown parses modules in strict mode, and only resolves constant paths. blessed and the parts of blessed-contrib in
 * use have octal literals (0377, '\033'), and blessed computes the paths of its widgets from a list.
 */
const forBlessed: Plugin = {
  name: 'blessed',
  transform(code, id) {
    if (!id.includes('/node_modules/')) return null;
    const strict = code
      .replaceAll(/(?<![\w.'"\\])0([0-7]{3})\b/g, '0o$1')
      .replaceAll(/(?<!\\)\\([0-3][0-7]{2})/g, (_, octal: string) => {
        const hex = Number.parseInt(octal, 8).toString(16);
        return `\\x${hex.padStart(2, '0')}`;
      });
    return id.endsWith('/blessed/lib/widget.js') ? withConstantPaths(strict) : strict;
  },
};

function withConstantPaths(code: string): string {
  const classes = /widget\.classes = \[([^\]]+)\]/.exec(code)?.[1] ?? '';
  const loaders = [...classes.matchAll(/'(\w+)'/g)]
    .map(([, name]) => (name as string).toLowerCase())
    .map((file) => `${file}: () => require('./widgets/${file}')`);
  return code.replace("require('./widgets/' + file)", `({ ${loaders.join(', ')} })[file]()`);
}
