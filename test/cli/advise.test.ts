import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runVirtune, VirtuneProcess } from '../virtune-process.ts';

const RECORDINGS = join(import.meta.dirname, '../tui/recordings');
const recording = (name: string): string[] => ['--replay', join(RECORDINGS, `${name}.rec`)];
const advise = (...args: string[]) => runVirtune('advise', ...args);

interface Said {
  readonly state: string;
  readonly samples: number;
  readonly ask_again_after_seconds: number | null;
  readonly unknown: readonly string[];
  readonly advice: readonly {
    readonly id: string;
    readonly kind: string;
    readonly harm: number;
    readonly vms: readonly { readonly name: string }[];
    readonly changes: readonly {
      readonly cost: string;
      readonly profile: string | null;
      readonly commands: readonly { readonly argv: readonly string[] }[];
    }[];
  }[];
}

const said = (stdout: string): Said => JSON.parse(stdout) as Said;

test('a recording is advised on: what hurts, since when, why, a change, its cost and its command', async () => {
  const { code, stdout } = await advise(...recording('noisy-neighbour'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^noisy-neighbour: 14 running VMs, 59 samples in 58s\n/);
  // The hung VM loses all its time, and those that share CPUs lose half of theirs.
  const [hung = '', first = ''] = stdout.split('\n\n').slice(1);
  expect(hung).toMatch(/^1\. bad: QEMU does not answer libvirt/);
  expect(first).toMatch(/^2\. bad: CPU 0-1 is dedicated to more than one VM/);
  expect(first).toMatch(
    /evidence +CPU steal of the worst VM \d+\.\d % \(median of \d+ samples in 58s, above 5 % in \d+\.?\d* % of them\)/,
  );
  expect(first).toMatch(/culprits +noisy-build .*pg-orders/);
  expect(first).toMatch(/\$ virsh -c qemu\+ssh:\/\/kvm1\/system vcpupin noisy-build 0 \S+ --live --config/);
  expect(first).toMatch(/cost +no VM loses CPU time/);
  expect(first).toContain('docs/advice/dedicated-cpus-shared.md');
});

test('--json has the same, by harm', async () => {
  const { code, stdout } = await advise(...recording('noisy-neighbour'), '--json');
  expect(code).toBe(0);
  const { state, advice, unknown } = said(stdout);
  expect(state).toBe('advice');
  expect(advice.map(({ harm }) => harm)).toEqual(advice.map(({ harm }) => harm).toSorted((a, b) => b - a));
  expect(advice.map(({ kind }) => kind)).toContain('dedicated-cpus-shared');
  expect(unknown.join()).toContain('memory pressure');
});

test('only what has to do with a VM is shown, whether it suffers or causes it', async () => {
  for (const pattern of ['pg-orders', 'noisy-*']) {
    const { stdout } = await advise(pattern, ...recording('noisy-neighbour'), '--json');
    expect(said(stdout).advice.map(({ kind }) => kind)).toContain('dedicated-cpus-shared');
  }
  const { stdout } = await advise('web-01', ...recording('noisy-neighbour'));
  expect(stdout).toContain('nothing to do');
  const unknown = await advise('no-such-vm', ...recording('noisy-neighbour'));
  expect(unknown).toMatchObject({ code: 64, stdout: '' });
  expect(unknown.stderr).toContain('no domain matches "no-such-vm"');
});

test('--explain shows one advice whole, with the page of its kind; also of a kind that is not found now', async () => {
  const found = await advise('--explain', 'dedicated-cpus-shared', ...recording('noisy-neighbour'));
  expect(found.stdout).toContain('# dedicated-cpus-shared\n');
  expect(found.stdout).toContain('   or ');
  const other = await advise('--explain', 'cpu-overcommit', ...recording('noisy-neighbour'));
  expect(other.code).toBe(0);
  expect(other.stdout).toContain('# cpu-overcommit\n');
  const wrong = await advise('--explain', 'cpu-magic', ...recording('noisy-neighbour'));
  expect(wrong.code).toBe(64);
  expect(wrong.stderr).toContain('no kind of advice is called "cpu-magic"');
  const gone = await advise('--explain', 'cpu-overcommit:12345678', ...recording('noisy-neighbour'));
  expect(gone.code).toBe(64);
  expect(gone.stderr).toContain('no current advice has the ID "cpu-overcommit:12345678"');
});

test('what is wrong is refused before the host has been observed', async () => {
  const demo = ['--demo', 'calm', '--for', '1d'];
  const unknown = await advise('no-such-vm', ...demo);
  expect(unknown).toMatchObject({ code: 64, stdout: '' });
  expect(unknown.stderr).toContain('no domain matches "no-such-vm"');
  const nowhere = await advise('--profiles', '/nowhere', ...demo);
  expect(nowhere).toMatchObject({ code: 64, stdout: '' });
  expect(nowhere.stderr).toContain('profiles in /nowhere cannot be read: ');
});

test('too few samples are an answer, with when to ask again', async () => {
  const { code, stdout } = await advise(...recording('hostile-names'), '--json');
  expect(code).toBe(0);
  expect(said(stdout)).toMatchObject({ samples: 3, ask_again_after_seconds: 120 });
  const text = await advise(...recording('hostile-names'));
  expect(text.stdout).toContain('not enough evidence of load');
  // Names of VMs must not contain sequences that a terminal obeys.
  expect(text.stdout).toMatch(/^[\n\P{Cc}]*$/u);
});

test('on a live host profiles are planned before they are offered, and none that is refused has a command', async () => {
  const { code, stdout } = await advise(
    '--demo',
    'noisy-neighbour',
    '--for',
    '6s',
    '--every',
    '1s',
    '--json',
  );
  expect(code).toBe(0);
  const { advice } = said(stdout);
  expect(advice[0]?.kind).toBe('dedicated-cpus-shared');
  const profiles = advice.flatMap(({ changes }) => changes.filter(({ profile }) => profile !== null));
  expect(profiles.length).toBeGreaterThan(0);
  // All CPUs of the host have a dedicated sibling, so the tuner has none to share.
  expect(profiles.filter(({ commands }) => commands.length > 0)).toEqual([]);
});

test('a signal ends the observation early, and what was seen is advised on', async () => {
  const process = new VirtuneProcess('advise', '--demo', 'calm', '--for', '1h', '--every', '0.2s');
  await process.says(/observing calm for 1h/);
  const { code, stdout } = await process.stop('SIGINT');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^calm: \d+ running VMs, \d+ samples in /);
});

test('flags that cannot be combined are refused', async () => {
  for (const args of [
    ['--demo', ...recording('noisy-neighbour')],
    ['--for', '3s', ...recording('noisy-neighbour')],
  ])
    expect(await advise(...args)).toMatchObject({ code: 64, stdout: '' });
});
