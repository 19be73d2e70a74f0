import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { elasticsearchOptions } from '../../cli/elasticsearch-flags.ts';
import { otlpOptions } from '../../cli/otlp-flags.ts';
import { parseConfig } from '../../exporter/config/config.ts';
import { sinkSettings } from '../../exporter/elasticsearch/settings.ts';
import { otlpSettings } from '../../exporter/otlp/settings.ts';
import { expectedAddress, isAddress } from '../../exporter/sink-options.ts';
import { VirtuneProcess } from '../virtune-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'virtune-options-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A key in the file that the sink cannot use, with or without flags. */
async function use(sink: string, key: string, flags = {}): Promise<void> {
  const address = sink === 'otlp' ? 'endpoint: "http://a"' : 'nodes: ["http://a"]';
  const config = await parseConfig('/etc/v.yaml', `${sink}: { ${address}, ${key} }`);
  if (sink === 'otlp') await otlpSettings(otlpOptions(flags, config.otlp) ?? {});
  else await sinkSettings(elasticsearchOptions(flags, config.elasticsearch) ?? {});
}

const sinks = ['elasticsearch', 'otlp'] as const;

test.each(sinks)(
  'a size of %s out of its range is an error with the key and file, or the flag, range and value',
  async (sink) => {
    await expect(use(sink, 'queue_size: 1000')).rejects.toThrow(
      expect.objectContaining({
        code: 'CONFIG',
        message: `${sink}.queue_size in /etc/v.yaml: expected at least 1048576 bytes, not 1000`,
      }),
    );
    await expect(use(sink, 'dead_letters_size: 1KiB')).rejects.toThrow(
      `${sink}.dead_letters_size in /etc/v.yaml: expected at least 1048576 bytes, not 1024`,
    );
    await expect(use(sink, 'queue_size: 1GiB', { [`${sink}.queueSize`]: 7 })).rejects.toThrow(
      `--${sink}.queue-size: expected at least 1048576 bytes, not 7`,
    );
    await expect(use(sink, 'queue_size: 1MiB, dead_letters_size: 1MiB')).resolves.toBeUndefined();
  },
);

test('a request of OTLP, and a batch of Elasticsearch, has a smallest and a largest size', async () => {
  await expect(use('otlp', 'request_size: 16777217')).rejects.toThrow(
    'otlp.request_size in /etc/v.yaml: expected 16384 to 16777216 bytes, not 16777217',
  );
  await expect(use('otlp', 'request_size: 16KiB')).resolves.toBeUndefined();
  await expect(use('elasticsearch', 'batch_size: 16383')).rejects.toThrow(
    'elasticsearch.batch_size in /etc/v.yaml: expected 16384 to 90000000 bytes, not 16383 (servers accept requests of at most',
  );
});

test.each(sinks)(
  'a file of %s that cannot be read is named with its key, the reason and the next step',
  async (sink) => {
    await expect(use(sink, 'ca_file: none.pem')).rejects.toThrow(
      `${sink}.ca_file in /etc/v.yaml: the file /etc/none.pem cannot be read: ENOENT: no such file or directory; check the path`,
    );
  },
);

test.each(sinks)('a CA file of %s without a certificate is an error at the start', async (sink) => {
  const file = join(folder, 'ca.pem');
  writeFileSync(file, 'not a certificate\n');
  await expect(use(sink, 'compress: true', { [`${sink}.caFile`]: file })).rejects.toThrow(
    expect.objectContaining({
      code: 'CONFIG',
      message: expect.stringContaining(
        `--${sink}.ca-file: the file ${file} contains no certificate in PEM format`,
      ),
    }),
  );
});

test('an address without a server is an error that names what is set', async () => {
  await expect(otlpSettings(otlpOptions({ 'otlp.interval': 5 }) ?? {})).rejects.toThrow(
    'no OTLP receiver is set, only --otlp.interval; set --otlp.endpoint URL, or endpoint below otlp',
  );
});

test('no address that is refused shows its password', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('http://', 'https://', 'ftp://', 'https:', '//', ''),
      fc.stringMatching(/^[a-z/ :@"\n]{0,8}$/),
      fc.constantFrom('collector:4318', '[::1]/x', 'not a host', ''),
      (scheme, more, host) => {
        const text = `${scheme}user:PASSWORD${more}@${host}`;
        expect(isAddress(text)).toBe(false);
        expect(expectedAddress(text)).not.toContain('PASSWORD');
      },
    ),
  );
  expect(expectedAddress('ftp://collector/x?key=PASSWORD')).toContain('not "ftp://collector/x?***"');
  expect(expectedAddress('https://me:PASSWORD@collector:4318/x')).toContain(
    'not "https://***@collector:4318/x"',
  );
});

test.each([
  ['exporter', '--otlp.endpoint'],
  ['exporter', '--elasticsearch'],
  ['elasticsearch setup', '--elasticsearch'],
])(
  'virtune %s %s with a password in the address names the flag, and shows no password',
  async (command, flag) => {
    const { code, stderr } = await new VirtuneProcess(
      ...command.split(' '),
      flag,
      'http://me:PASSWORD@host:1',
    ).ended;
    expect(code).toBe(64);
    expect(stderr).toContain(
      `${flag}: expected an http:// or https:// address without user name or password`,
    );
    expect(stderr).toContain('not "http://***@host:1" [USAGE]');
    expect(stderr).not.toContain('PASSWORD');
  },
);

test.each([
  ['otlp', 'endpoint: "http://me:PASSWORD@a"'],
  ['elasticsearch', 'nodes: ["http://me:PASSWORD@a"]'],
])(
  'an address of %s in the file with a password is refused with its line, without the password',
  async (sink, key) => {
    const { message } = await parseConfig('/x.yaml', `local: false\n${sink}: { ${key} }`).then(
      () => new Error('it was taken'),
      (error: Error) => error,
    );
    expect(message).toMatch(new RegExp(`/x.yaml:2: ${sink}\\..*not "http://\\*\\*\\*@a"`));
    expect(message).not.toContain('PASSWORD');
  },
);
