import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { TunedDemo } from './tuned-demo.ts';

const TIMEOUT_MS = 240_000;
const SHORT = ['--every', '1s', '--block', '3s', '--block-settle', '0'];
/** virDomainModificationImpact: VIR_DOMAIN_AFFECT_LIVE. */
const LIVE = 1;
const LATENCY = 'libvirt_domain_disk_request_latency_seconds';

/** Blocks take real time, so tests run in parallel, each on a separate host. */
function onHost(title: string, body: (host: TunedDemo) => Promise<void>): void {
  test.concurrent(title, { timeout: TIMEOUT_MS }, async () => {
    const host = await TunedDemo.start();
    try {
      await body(host);
    } finally {
      await host.stop();
    }
  });
}

onHost('measure prints what an experiment on a VM could show, and changes nothing', async (host) => {
  const before = host.picture();
  const { code, document } = await host.json('measure', 'pg-orders', '--for', '10s', ...SHORT);
  expect(code).toBe(0);
  const { design, figures } = document as { design: object; figures: { figure: string }[] };
  expect(design).toEqual({ pairs: 8, blockMs: 3_000, settleMs: 0 });
  expect(figures.find(({ figure }) => figure === LATENCY)).toMatchObject({
    domain: 'pg-orders',
    missing: null,
    basis: 'modelled',
    level: expect.closeTo(0.0002, 3),
    smallestEffect: expect.any(Number),
  });
  expect(figures.find(({ figure }) => figure === 'libvirt_domain_cpu_steal_ratio')).toMatchObject({
    missing: expect.stringContaining('its mean is 0'),
  });
  expect(host.picture()).toEqual(before);
});

const MEASURED = ['apply', 'pg-orders', '--profile', 'oltp-database', '--yes', '--measure'];
const measured = (host: TunedDemo, ...more: readonly string[]) =>
  host.json(...MEASURED, '--baseline', '2s', ...SHORT, ...more);

onHost('settings that do not help are switched on and off, undone, and reported', async (host) => {
  const before = host.picture();
  const { code, stdout, stderr } = await host.run(
    ...[...MEASURED, '--baseline', '2s', ...SHORT, '--metric', LATENCY, '--margin', '50', '--json'],
  );
  expect(code).toBe(1);
  const document: unknown = JSON.parse(stdout);
  expect(document, stdout).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_MEASURE', message: expect.stringMatching(/^no difference larger than /) },
    measured: {
      startedAt: expect.stringMatching(/^20\d\d-/),
      baselineMs: 2_000,
      guard: {
        figures: expect.arrayContaining([
          { name: LATENCY, missing: 'fewer than 10 values in the baseline' },
          { name: `${LATENCY} of "web-01"`, missing: 'fewer than 10 values in the baseline' },
        ]),
      },
      primary: { name: LATENCY, judgement: { verdict: 'no difference', notWorse: true }, lost: [] },
      secondary: expect.arrayContaining([expect.objectContaining({ name: 'libvirt_domain_cpu_usage_cpus' })]),
    },
  });
  const { blocks } = (document as { measured: { blocks: { arm: string }[] } }).measured;
  expect(blocks.filter(({ arm }) => arm === 'on')).toHaveLength(8);
  expect(host.picture()).toEqual(before);

  // One line for each block, regardless of the number of steps.
  const lines = stderr.split('\n');
  const first = lines.findIndex((line) => line.startsWith('  block 1 of 16: '));
  expect(lines.slice(first, first + 16)).toEqual(
    Array.from({ length: 16 }, (_, at) =>
      expect.stringMatching(new RegExp(`^  block ${at + 1} of 16: (switching|still) (on|off)$`)),
    ),
  );
  expect(stderr).toContain('no guard on any figure: fewer than 10 values in the baseline: ');
  expect(stderr).toContain('so no figure that gets worse ends the experiment early');

  const shown = (await host.run('show')).stdout;
  expect(shown).toContain(`  measured   no difference larger than`);
  expect(shown).toContain('  measured   no guard on any figure: ');
  const file = join(host.folder, 'report.html');
  expect((await host.run('report', '--html', file)).stderr).toContain(`wrote ${file}`);
  expect(readFileSync(file, 'utf8')).toContain('<h1><bdi>pg-orders</bdi>: no difference</h1>');
  expect((await host.run('report')).stdout).toMatch(/^no difference larger than /);
  expect((await host.json('report')).document).toEqual((document as { measured: object }).measured);
  const nowhere = await host.run('report', '--html', join(host.folder, 'no', 'folder.html'));
  expect(nowhere.stderr).toMatch(/folder\.html cannot be written: ENOENT: .* \[TUNE_REPORT\]/);
  expect(nowhere.code).toBe(73);
  const history = (await host.run('history')).stdout;
  expect(history).toMatch(/ undone +\d+ +no difference +pg-orders /);
});

onHost('with the output of a command as the figure, settings stay where that is enough', async (host) => {
  const { code, document } = await host.json(
    ...MEASURED,
    // A busy machine takes seconds to start a command.
    ...['--every', '1s', '--baseline', '6s', '--block', '4s', '--block-settle', '0'],
    '--probe',
    'echo 40.5',
    '--higher-is-better',
    '--keep-if',
    'not-worse',
  );
  expect(document, JSON.stringify(document)).toMatchObject({
    kind: 'committed',
    failure: null,
    measured: { primary: { name: 'probe', direction: 'higher is better', effect: { effect: 1, p: 1 } } },
  });
  expect(code).toBe(0);
  expect((await host.run('verify', 'pg-orders')).code).toBe(0);
  expect((await host.run('rollback', '--yes')).code).toBe(0);
});

const APPLY = ['apply', '--profile', 'oltp-database', '--wait', '60s'];

/** Checks that refusals come before prompt and lock: a later one would hang, waiting for either. */
async function refusedWith(code: number, host: TunedDemo, ...args: readonly string[]): Promise<string> {
  const before = host.picture();
  const ended = await host.run(...APPLY, ...args);
  expect(ended.code, ended.stderr).toBe(code);
  expect(ended.stdout).toBe('');
  expect(ended.stderr).not.toContain('stdin is not a terminal');
  expect(host.picture()).toEqual(before);
  return ended.stderr;
}

onHost('what makes no sense is refused before a plan, a prompt or the lock', async (host) => {
  const refused = (...args: readonly string[]) => refusedWith(64, host, 'pg-orders', ...args);
  expect(await refused('--measure', '--blocks', '10')).toContain('at least 12 blocks');
  expect(await refused('--measure', '--restart')).toContain('--measure cannot be combined with --restart');
  expect(await refused('--blocks', '12')).toContain('--blocks needs --measure [TUNE_USAGE]');
  expect(await refusedWith(64, host, 'pg-*', '--measure')).toContain(
    '--measure takes one VM at a time, and not ',
  );
});

onHost('a figure without a value is refused before a plan, with the reason', async (host) => {
  const refused = (...args: readonly string[]) => refusedWith(69, host, ...args, '--measure');
  expect(await refused('pg-orders', '--probe', 'echo no route to host >&2; exit 7')).toContain(
    '--probe exited with 7: no route to host [TUNE_FIGURE]',
  );
  expect(await refused('pg-orders', '--promql', 'up', '--prometheus', 'http://127.0.0.1:2')).toContain(
    'http://127.0.0.1:2: Prometheus cannot be reached (connect ECONNREFUSED',
  );
  expect(await refused('template-debian')).toContain('"template-debian" does not run');
});

onHost('a figure that is always 0 ends it after the baseline, before anything is switched', async (host) => {
  const before = host.picture();
  const { code, document } = await measured(host, '--metric', 'libvirt_domain_cpu_steal_ratio');
  expect(code).toBe(1);
  expect(document).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_MEASURE', message: expect.stringContaining('was 0 throughout the baseline') },
    measured: { blocks: [], baselineMs: 2_000, startedAt: expect.stringMatching(/^20\d\d-/) },
  });
  expect(host.picture()).toEqual(before);
});

onHost('a dry run prints plan, schedule and what it could find, and touches nothing', async (host) => {
  const before = host.picture();
  const dry = ['apply', 'pg-orders', '--profile', 'oltp-database', '--measure', '--dry-run'];
  const flags = ['--metric', LATENCY, '--every', '1s', '--baseline', '12s', '--block', '3s'];
  const { code, stdout, stderr } = await host.run(...dry, ...flags, '--block-settle', '1s');
  expect(code, stderr).toBe(0);
  const lines = stdout.split('\n');
  expect(stdout).toContain('pg-orders (running), profile oltp-database');
  const first = lines.findIndex((line) => /^pair +one block +the other$/.test(line));
  expect(lines[first + 1]).toMatch(/^1 +12s to 16s +16s to 20s$/);
  expect(lines[first + 6]).toMatch(/^6 +52s to 56s +56s to 1m$/);
  expect(stdout).toMatch(
    /^libvirt_domain_disk_\S+ is 0\.000\d+; 16 blocks detect a change of [\d.]+ % with 80 %/m,
  );
  expect(stderr).toContain('measuring the baseline, 12s; nothing is changed');
  expect(stdout + stderr).not.toContain('block 1 of ');
  expect(host.picture()).toEqual(before);
  expect((await host.run('history')).stdout.trim().split('\n')).toHaveLength(1);
});

onHost('Ctrl-C while it connects ends it with the exit code of a stop', async (host) => {
  const server = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(join(host.folder, 'silent'), resolve));
  const connected = new Promise<void>((resolve) => server.once('connection', () => resolve()));
  const uri = `qemu+unix:///system?socket=${join(host.folder, 'silent')}`;
  const measure = new VirtuneProcess('tune', 'measure', 'pg-orders', '--connect', uri);
  await connected;
  const { code, stderr } = await measure.stop('SIGINT');
  expect(stderr).toContain('interrupted before it started; nothing was changed [TUNE_STOPPED]');
  expect(code).toBe(1);
  server.close();
});

onHost('measure needs enough samples', async (host) => {
  const { code, stderr } = await host.run('measure', 'pg-orders', '--for', '30s');
  expect(stderr).toContain('30 s have too few samples, one every 5 s; use a longer --for');
  expect(code).toBe(64);
});

/** Pins three busy VMs to one CPU, as a user would with virsh, so that they wait for each other. */
async function crowd({ demo }: TunedDemo): Promise<void> {
  const connection = await connect(demo.uri, { readOnly: false });
  const map = CpuSet.of([40]).toBitmap(7);
  for (const name of ['pg-orders', 'batch-01', 'batch-02']) {
    const { domain } = await connection.call('domainLookupByName', { name });
    for (let vcpu = 0; vcpu < demo.daemon.vm(name).spec.vcpus; vcpu++) {
      await connection.call('domainPinVcpuFlags', { domain, vcpu, map, flags: LIVE });
    }
  }
  await connection.close();
}

onHost('settings that end steal are kept, and drift --measure warns when the steal is back', async (host) => {
  await crowd(host);
  const { code, document } = await measured(host, '--metric', 'libvirt_domain_cpu_steal_ratio');
  expect(document, JSON.stringify(document)).toMatchObject({
    kind: 'committed',
    measured: { primary: { judgement: { verdict: 'better' } } },
  });
  expect(code).toBe(0);
  const drift = (...more: readonly string[]) => host.run('drift', 'pg-orders', '--measure', '15s', ...more);
  const lasting = await drift();
  expect(lasting.stdout).toMatch(
    /^pg-orders: libvirt_domain_cpu_steal_ratio was [\d.]+ without .*: 100 % of the effect remains$/m,
  );
  await crowd(host);
  const faded = await drift('--json');
  expect(faded.code).toBe(2);
  expect(JSON.parse(faded.stdout)).toMatchObject({
    domains: [{ name: 'pg-orders' }],
    effects: [{ name: 'pg-orders', faded: true, missing: null }],
  });
  const short = await host.run('drift', '--measure', '8s');
  expect(short.stderr).toContain('--measure 8s is too short: 4 blocks as in the experiment take 12s');
});
