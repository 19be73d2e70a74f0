import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../cli/exit-codes.ts';
import type { ConnectError } from '../../libvirt/errors.ts';
import { openUnix } from '../../libvirt/transport/unix.ts';
import { parseUri } from '../../libvirt/uri.ts';
import { ROOMS_WITH_ERRORS } from '../rooms.ts';
import { sourcesOf } from './source-texts.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const documented = [
  ...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` +\| (\d+) +\| (.*?) +\| (.*?) +\|$/gm),
].map(([, code = '', exit, meaning = '', advice = '']) => ({ code, exit: Number(exit), meaning, advice }));

const sources = ROOMS_WITH_ERRORS.flatMap(sourcesOf).filter((file) => !/(^|\/)dist\//.test(file));

test('docs/errors.md lists every error code once, with the exit code that it leads to', () => {
  const listed = documented.map(({ code, exit }) => [code, exit] as const);
  expect(new Map(listed)).toEqual(new Map(Object.entries(EXIT_CODES)));
  expect(listed).toHaveLength(Object.keys(EXIT_CODES).length);
});

test.each(documented)('$code says what it means and what to do', ({ meaning, advice }) => {
  expect(meaning).toMatch(/\w{2}/);
  expect(advice).toMatch(/\w{2}/);
});

test('the example of a message is what is printed where no daemon runs', async () => {
  const nothing = { exists: () => false, uid: 0, env: {} };
  const attempt = openUnix(parseUri('qemu:///system'), true, AbortSignal.abort(), nothing);
  const error = await attempt.then(
    () => expect.unreachable(),
    (reason: ConnectError) => reason,
  );
  expect(read('docs/errors.md')).toContain(`\nvirtune: ${error.message} [${error.code}]\n`);
});

/** Files that list codes rather than raise them. */
const LISTS = ['cli/exit-codes.ts', 'model/virtune-error.ts'];

test('every documented code is raised somewhere', () => {
  // A code on a line that begins with | is a member of a type.
  const raised = new Set(
    sources
      .filter((file) => !LISTS.includes(file))
      .flatMap((file) => read(file).split('\n'))
      .filter((line) => !/^\s*\|/.test(line))
      .flatMap((line) => [...line.matchAll(/'([A-Z][A-Z_]+)'/g)].map(([, code]) => code)),
  );
  expect(documented.map(({ code }) => code).filter((code) => !raised.has(code))).toEqual([]);
});

/** Files that extend Error directly: the two bases, and the simulated libvirtd's failures, by libvirt's numbers. */
const ON_ERROR = ['libvirt/errors.ts', 'model/virtune-error.ts', 'simulator/call-failure.ts'];

test('every error class carries a code: it extends VirtuneError, or within libvirt/ the base class of that package', () => {
  const direct = sources.filter((file) =>
    /\bextends (Error|TypeError|RangeError|SyntaxError|AggregateError)\b/.test(read(file)),
  );
  expect(direct).toEqual(ON_ERROR);
});
