import { expect, test } from 'vitest';
import { TunedDemo } from './tuned-demo.ts';

const TIMEOUT_MS = 120_000;
const SHORT = ['--every', '1s', '--block', '3s', '--block-settle', '0'];
const LATENCY = 'libvirt_domain_disk_request_latency_seconds';

/** Blocks take their time: side by side, each on a separate host. */
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
  expect(design).toEqual({ pairs: 6, blockMs: 3_000, settleMs: 0 });
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

const measured = (host: TunedDemo, ...more: readonly string[]) =>
  host.json(
    ...['apply', 'pg-orders', '--profile', 'oltp-database', '--yes', '--measure', '--baseline', '1s'],
    ...[...SHORT, ...more],
  );

onHost('settings that do not help are switched on and off, undone, and reported', async (host) => {
  const before = host.picture();
  const { code, document } = await measured(host, '--metric', LATENCY, '--margin', '50');
  expect(code).toBe(1);
  expect(document).toMatchObject({
    kind: 'undone',
    failure: { code: 'TUNE_MEASURE', message: expect.stringMatching(/^no difference larger than /) },
    measured: {
      primary: { name: LATENCY, judgement: { verdict: 'no difference', notWorse: true }, lost: [] },
      secondary: expect.arrayContaining([expect.objectContaining({ name: 'libvirt_domain_cpu_usage_cpus' })]),
    },
  });
  const { blocks } = (document as { measured: { blocks: { arm: string }[] } }).measured;
  expect(blocks.filter(({ arm }) => arm === 'on')).toHaveLength(6);
  expect(host.picture()).toEqual(before);
  const { stdout } = await host.run('history');
  expect(stdout).toMatch(/ undone +\d+ +no difference +pg-orders /);
  expect((await host.run('show')).stdout).toContain(`  measured   no difference larger than`);
});

onHost('with the output of a command as the figure, settings stay where that is enough', async (host) => {
  const { code, document } = await measured(
    host,
    '--probe',
    'echo 40.5',
    '--higher-is-better',
    '--keep-if',
    'not-worse',
  );
  expect(document).toMatchObject({
    kind: 'committed',
    failure: null,
    measured: { primary: { name: 'probe', direction: 'higher is better', effect: { effect: 1, p: 1 } } },
  });
  expect(code).toBe(0);
  expect((await host.run('verify', 'pg-orders')).code).toBe(0);
  expect((await host.run('rollback', '--yes')).code).toBe(0);
});

onHost('what makes no sense is refused before anything is touched', async (host) => {
  const before = host.picture();
  const refused = async (...args: readonly string[]) => {
    const { code, stderr } = await host.run(
      'apply',
      '--profile',
      'oltp-database',
      '--yes',
      '--measure',
      ...args,
    );
    expect(code).toBe(64);
    return stderr;
  };
  expect(await refused('pg-orders', '--blocks', '10')).toContain('at least 12 blocks');
  expect(await refused('pg-orders', '--restart')).toContain('--measure cannot be combined with --restart');
  expect(await refused('pg-orders', '--metric', 'nonsense')).toContain(
    '"nonsense" cannot be measured; use one of',
  );
  expect(await refused('pg-orders', '--promql', 'up')).toContain('--promql and --prometheus belong together');
  expect(await refused('pg-*')).toContain('--measure takes one VM at a time');
  expect(host.picture()).toEqual(before);
});
