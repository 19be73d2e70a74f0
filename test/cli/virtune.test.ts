import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { terminalLines } from '../../model/terminal-text.ts';
import { startDemo } from '../../simulator/demo.ts';
import { figure, parseExposition } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';

const run = (...args: string[]) => new VirtuneProcess(...args).ended;

test('the demo serves a simulated host, and ends cleanly when asked to', async () => {
  const demo = new VirtuneProcess('demo', '--listen', '127.0.0.1:0', '--vms', '20', '--scenario', 'io-storm');
  expect(figure(await demo.scrape(), 'libvirt_domains')).toBe(20);
  expect(await demo.stop('SIGINT')).toMatchObject({ code: 0 });
});

test('help and version exit with 0; an unknown command fails and points to the help', async () => {
  expect((await run('--help')).code).toBe(0);
  expect((await run('--version')).code).toBe(0);
  const wrong = await run('exprter');
  expect(wrong.code).toBe(64);
  expect(wrong.stderr).toContain('virtune --help');
});

test.each([
  [['exporter', '-c', 'qemu:///system?socket=/no/such/socket'], 69, 'LIBVIRT_NOT_FOUND'],
  [['exporter', '-c', 'qemu+tcp://127.0.0.1:1/system'], 69, 'LIBVIRT_REFUSED'],
  [['exporter', '-c', 'not a uri'], 64, 'LIBVIRT_URI'],
  [['exporter', '-l', 'nowhere'], 64, 'HTTP_LISTEN_ADDRESS'],
  [['exporter', '-c', 'qemu+tcp://u:pw@h/system'], 64, '--sasl-password-file'],
  [['exporter', '--domain-deadline', '-1'], 64, 'seconds'],
  [
    ['exporter', '--lisen', ':9177'],
    64,
    "virtune: unknown option '--lisen'\n(Did you mean --listen?) [USAGE]\n",
  ],
  [
    ['elasticsearch', 'setup', '--elasticsearch', 'http://127.0.0.1:1', '--retention', '0'],
    64,
    'at least 1; --lifecycle none keeps documents',
  ],
  [['exprter'], 64, "virtune: unknown command 'exprter'\n(Did you mean exporter?) [USAGE]\n"],
  [['tune', 'show', 'a', 'b'], 64, '[USAGE]\n'],
  [['exporter', '--sasl-username', 'x'], 64, 'must be used together'],
  [['demo', '-s', 'no-such'], 64, 'overcommitted'],
  [['demo', '-n', '0'], 64, 'whole number'],
])('virtune %j ends with %i and says %s', async (args, code, says) => {
  const ended = await run(...args);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain(says);
  expect(ended.stderr).not.toContain('    at ');
});

test.each([
  ['256.1.1.1', /cannot listen on 256\.1\.1\.1:\d+: the host name cannot be resolved.*--listen/],
  ['192.0.2.1', /cannot listen on 192\.0\.2\.1:\d+: it is not an address of this host.*--listen/],
  ['127.0.0.1', /cannot listen on 127\.0\.0\.1:\d+: the address is already in use.*--listen/],
])('an exporter that cannot listen on %s says that alone, and what to do', async (host, says) => {
  const demo = await startDemo();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  try {
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await run('exporter', '-c', demo.uri, '--listen', `${host}:${port}`);
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/\[HTTP_LISTEN\]$/)]);
    expect(code).toBe(69);
  } finally {
    other.close();
    await demo.stop();
  }
});

test('the libvirt of the environment does not count where the file says that there is no local one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-cli-'));
  const file = join(folder, 'virtune.yml');
  writeFileSync(file, 'local: false\nhosts: { kvm1: { uri: "qemu:///system?socket=/no/such/socket" } }\n');
  const environment = { LIBVIRT_DEFAULT_URI: 'qemu:///system?socket=/no/other/socket' };
  const exporter = new VirtuneProcess(
    environment,
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--config.file',
    file,
  );
  try {
    await exporter.says(/^virtune: 1 hosts at http/m);
  } finally {
    const { code, stderr } = await exporter.stop();
    rmSync(folder, { recursive: true });
    expect([code, stderr.includes('/no/other/socket')]).toEqual([0, false]);
  }
});

test('SIGHUP reloads the configuration; an invalid one only logs an error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-cli-'));
  const file = join(folder, 'virtune.yml');
  const libvirt = await startDemo();
  const write = (hosts: string): void => writeFileSync(file, `local: "${libvirt.uri}"\n${hosts}`);
  write('');
  const exporter = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', '--config.file', file);
  try {
    const url = await exporter.url();
    const probed = async (): Promise<number> => (await fetch(`${url}/probe?target=kvm1`)).status;
    expect(await probed()).toBe(404);
    write(`hosts: { kvm1: { uri: "${libvirt.uri}" } }\n`);
    exporter.signal('SIGHUP');
    await expect.poll(probed, { timeout: 15_000 }).toBe(200);
    write('hosts: { kvm1: { url: 1 } }\n');
    exporter.signal('SIGHUP');
    const taken = async (): Promise<number | undefined> =>
      figure(await exporter.scrape(), 'virtune_config_last_reload_successful');
    await expect.poll(taken, { timeout: 15_000 }).toBe(0);
    expect(await probed()).toBe(200);
  } finally {
    const { code, stderr } = await exporter.stop();
    await libvirt.stop();
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(stderr).toContain(
      `the old one stays in use; correct this and reload again: ${file}:2: hosts.kvm1`,
    );
    // A line for each fault, and the code after the last.
    expect(stderr).toMatch(/Unrecognized key.* \[CONFIG\]$/m);
  }
});

test('a reload puts hosts into maintenance and takes them out, over the connections that are open', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-cli-'));
  const file = join(folder, 'virtune.yml');
  const libvirt = await startDemo();
  const write = (maintenance: boolean): void =>
    writeFileSync(
      file,
      `local: "${libvirt.uri}"\nmaintenance: ${maintenance}\nhosts: { kvm1: { uri: "${libvirt.uri}", maintenance: ${!maintenance} } }\n`,
    );
  write(false);
  const exporter = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', '--config.file', file);
  try {
    const url = await exporter.url();
    const figures = async (path: string) => {
      const series = parseExposition(await (await fetch(`${url}${path}`)).text());
      return [
        figure(series, 'virtune_host_maintenance'),
        figure(series, 'virtune_connection_reconnects_total'),
        figure(series, 'virtune_libvirt_calls_total', { procedure: 'connectGetHostname', outcome: 'ok' }),
      ];
    };
    const both = async () => [await figures('/metrics'), await figures('/probe?target=kvm1')];
    await expect.poll(both, { timeout: 15_000 }).toEqual([
      [0, 0, 1],
      [1, 0, 1],
    ]);
    write(true);
    exporter.signal('SIGHUP');
    await expect.poll(both, { timeout: 15_000 }).toEqual([
      [1, 0, 1],
      [0, 0, 1],
    ]);
  } finally {
    await exporter.stop();
    await libvirt.stop();
    rmSync(folder, { recursive: true });
  }
});

test('external text brings no escape code to the terminal', () => {
  expect(terminalLines('a\u001b[31mb\u202ec\n')).toBe('a\\u{1b}[31mb\\u{202e}c\n');
});
