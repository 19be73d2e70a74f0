import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig, readConfig } from '../../exporter/config/config.ts';
import { ConfigError } from '../../model/config-error.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'virtune-config-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const faultOf = async (text: string): Promise<string> => {
  try {
    await parseConfig('virtune.yml', text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('it was taken');
};

test('a file names hosts, groups for all and for one, and labels', async () => {
  writeFileSync(join(dir, 'password'), 'secret\nsecond line\n');
  writeFileSync(
    join(dir, 'virtune.yml'),
    `
local: false
collect: { kvm: true, block: false }
hosts:
  kvm1: { uri: qemu+tls://kvm1/system, collect: { block: true }, domain_deadline: 3 }
  kvm2:
    uri: qemu+tcp://kvm2/system
    sasl: { username: scraper, password_file: password }
metadata:
  namespaces: { app: 'http://example.org/app' }
  labels: { team: '//app:team' }
`,
  );
  const config = await readConfig(join(dir, 'virtune.yml'));
  expect(config.local).toBe(false);
  const [kvm1, kvm2] = [config.hosts.get('kvm1'), config.hosts.get('kvm2')];
  expect(kvm1?.groups.has('kvm') && kvm1.groups.has('block')).toBe(true);
  expect(kvm1?.domainDeadlineMs).toBe(3_000);
  expect(kvm2?.groups.has('block')).toBe(false);
  expect(kvm2?.credentials).toEqual({ username: 'scraper', password: 'secret' });
});

test('maintenance is set for the local host or for one that is named, and opens no new connection', async () => {
  const host = 'uri: qemu+tls://kvm1/system';
  const on = await parseConfig(
    'virtune.yml',
    `maintenance: true\nhosts:\n  kvm1: { ${host}, maintenance: true }\n`,
  );
  const off = await parseConfig('virtune.yml', `hosts:\n  kvm1: { ${host} }\n`);
  expect([on.maintenance, off.maintenance]).toEqual([true, undefined]);
  const [before, after] = [on.hosts.get('kvm1'), off.hosts.get('kvm1')];
  expect([before?.maintenance, after?.maintenance]).toEqual([true, undefined]);
  expect(before?.fingerprint).toBe(after?.fingerprint);
});

test('an empty file sets nothing', async () => {
  expect((await parseConfig('virtune.yml', '')).hosts.size).toBe(0);
});

test.each([
  [
    'hosts:\n  kvm1:\n    url: qemu:///system\n',
    /^virtune\.yml:3: hosts\.kvm1\.uri: .*\nvirtune\.yml:\d: hosts\.kvm1: .*"url"/,
  ],
  ['collect:\n  blocks: true\n', /^virtune\.yml:2: collect: .*blocks/],
  ['hosts:\n  "a b": { uri: qemu:///system }\n', /hosts.*letters, digits/],
  [
    'hosts:\n  kvm1: { uri: "qemu+foo://x/system" }\n',
    /^virtune\.yml:2: hosts\.kvm1\.uri: .*transport "foo"/,
  ],
  ['local: [\n', /^virtune\.yml:\d: /],
  ['a: 1\na: 2\n', /^virtune\.yml:2: /],
  ['metadata:\n  labels: { team: "//app:team" }\n', /team: .* is not a valid XPath/],
  ['metadata:\n  labels: { domain: "//name" }\n', /the label domain is reserved/],
  ['metadata:\n  labels: { Team: "//name" }\n', /lower-case/],
  [
    'hosts:\n  a: { uri: "qemu:///system", domain_deadline: -1 }\n',
    /^virtune\.yml:2: hosts\.a\.domain_deadline/,
  ],
])('%j is refused, at its line and key', async (text, message) => {
  expect(await faultOf(text)).toMatch(message);
});

test('twenty thousand hosts with a fault each are read in their order, and the first faults are listed', async () => {
  const hosts = Array.from({ length: 20_000 }, (_, at) => `  h${at}: { uri: "qemu:///system", x: 1 }`);
  const refused = async (text: string): Promise<string> => {
    try {
      await parseConfig('virtune.yaml', text);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  const lines = (await refused(['hosts:', ...hosts].join('\n'))).split('\n');
  expect(lines).toHaveLength(21);
  expect(lines[0]).toBe('virtune.yaml:2: hosts.h0: Unrecognized key: "x"');
  expect(lines[20]).toBe('and 19980 more');
  expect((await refused(`hosts:\n${'  a: { uri: "qemu:///system" }\n'.repeat(3)}`)).split('\n')).toEqual([
    'virtune.yaml:3: Map keys must be unique',
    'virtune.yaml:4: Map keys must be unique',
  ]);
});

test.each([
  ['brackets', `hosts: ${'['.repeat(50_000)}`],
  ['maps', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ['sequences', `${'- '.repeat(20_000)}x`],
  ['keys', '? '.repeat(10_000)],
])('%s that are nested too deeply are refused as such', async (_, text) => {
  await expect(parseConfig('virtune.yaml', text)).rejects.toThrow(/it is nested too deeply/);
});

test('a value of megabytes is not repeated in the error, and a file of more is not read', async () => {
  const ofSize = async (chars: number): Promise<Error | undefined> => {
    try {
      await parseConfig('virtune.yaml', `local: ${'x'.repeat(chars)}`);
    } catch (error) {
      return error as Error;
    }
    return undefined;
  };
  expect((await ofSize(4_000_000))?.message.length).toBeLessThan(1_000);
  expect((await ofSize(5_000_000))?.message).toContain('use at most 4194304');
});

test('a file whose aliases multiply is refused instead of filling the memory', async () => {
  const levels = Array.from({ length: 12 }, (_, n) =>
    n === 0 ? 'l0: &l0 [x, x, x, x, x, x, x, x, x]' : `l${n}: &l${n} [${`*l${n - 1}, `.repeat(9)}]`,
  );
  expect(await faultOf(levels.join('\n'))).toMatch(/^virtune\.yml: .*alias/);
});

test('a password that was changed makes other settings of the same file', async () => {
  const file = join(dir, 'rotated');
  const config = async (): Promise<string | undefined> =>
    (
      await parseConfig(
        join(dir, 'virtune.yml'),
        `hosts:\n  a: { uri: "qemu+tcp://a/system", sasl: { username: u, password_file: rotated } }\n`,
      )
    ).hosts.get('a')?.fingerprint;
  writeFileSync(file, 'old');
  const before = await config();
  expect(await config()).toBe(before);
  writeFileSync(file, 'new');
  expect(await config()).not.toBe(before);
});

test('the error of a missing file names it', async () => {
  await expect(readConfig(join(dir, 'no.yml'))).rejects.toThrow(/no\.yml cannot be read/);
});
