import { type SpawnSyncReturns, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { outputOf } from '../child-output.ts';
import { filled, type Line, readGuide, readRunbooks } from '../docs/runbooks.ts';
import { VIRSH_OPTIONS } from '../docs/virsh-options.ts';
import { VIRTUNE, VirtuneProcess } from '../virtune-process.ts';
import { libvirtdPid } from './lab/daemon.ts';
import { qemuPid } from './lab/guests.ts';
import { LAB_DIR } from './lab/paths.ts';
import { run, succeeds, until } from './lab/run.ts';
import { createPool, POOL, RunbookGuest, removePool } from './lab/runbook-guest.ts';
import { type SecondDaemon, startSecondLibvirtd } from './lab/second-daemon.ts';
import { type Sshd, startSshd } from './lab/sshd.ts';
import { virsh } from './lab/virsh.ts';

/** Commands that are not run here, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/\bsystemctl\b/, 'there is no systemd in the lab'],
  [/swapoff|mkswap/, 'swap is of the whole machine'],
  [/^sysctl |ksm\/run|--shm-merge-across-nodes/, 'a setting of the kernel of the machine'],
  [
    /^virsh allocpages|hugepages --allocate/,
    'huge pages are of the whole machine; the demo has them allocated',
  ],
  [/PROMETHEUS|ALERTMANAGER/, 'there is no Prometheus in the lab: test/live/alerting.live.ts has one'],
  [/^(chronyc|timedatectl)/, 'the clock is of the whole machine'],
  [
    /dead-letters/,
    'the lab has no queue of documents: test/live/elasticsearch-setup.live.ts lists and resends dead letters',
  ],
  [/^(ceph|dmsetup|iscsiadm|multipath) /, 'the lab has no storage of that kind'],
  [/SEARCH/, 'it needs a search server: test/live/elasticsearch.live.ts has one'],
];

/** Other exit statuses that commands may return besides 0, and what they mean. */
const STATUS: readonly (readonly [RegExp, readonly number[], string])[] = [
  [/\| grep|^journalctl/, [1], 'nothing is found'],
  [/VmSwap/, [1, 2], 'a process ended while it was read'],
  [/^systemd-detect-virt/, [1], 'the machine is not a VM'],
  [/^virtune tune (plan|apply) .*--profile (oltp-database|network)/, [65], 'the lab has too few CPUs'],
];

const guest = new RunbookGuest('runbook');
const neighbour = new RunbookGuest('runbook-too');
/** For commands that need a guest agent or memory statistics. */
const booted = new RunbookGuest('runbook-booted');
const at = (name: string): string => join(LAB_DIR, 'runbook-tools', name);
const FILE = at('file');
const PROFILE = join(import.meta.dirname, '../../tuner/profiles/balanced.yaml');

let second: SecondDaemon;
let sshd: Sshd;
let exporter: VirtuneProcess;

beforeAll(async () => {
  mkdirSync(at(''), { recursive: true });
  createPool();
  neighbour.create();
  guest.create();
  await booted.boot();
  second = await startSecondLibvirtd();
  sshd = await startSshd();
  exporter = new VirtuneProcess('exporter', '--listen', '127.0.0.1:9177');
  await exporter.url();
  tool('virtune', `exec ${VIRTUNE.map((word) => `'${word}'`).join(' ')} "$@"`);
  const options = `-p ${sshd.port} -i ${sshd.keyFile} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`;
  tool('ssh', `exec /usr/bin/ssh ${options} "$@"`);
}, 300_000);

afterAll(async () => {
  await exporter?.stop();
  sshd?.stop();
  for (const each of [guest, neighbour, booted]) {
    succeeds('virsh', ['-c', second.uri, 'destroy', each.name]);
    each.remove();
  }
  await second?.stop();
  removePool();
  rmSync(at(''), { recursive: true, force: true });
});

/** Creates a program that comes first in the PATH of the commands. */
function tool(name: string, script: string): void {
  writeFileSync(at(name), `#!/bin/sh\n${script}\n`);
  chmodSync(at(name), 0o755);
}

/** Preconditions of a command, and its expected effect. */
interface Case {
  readonly of: RegExp;
  readonly vm?: RunbookGuest;
  before?(): unknown;
  after?(stdout: string): void;
}

let oldSizes = '';
const state = (): string => virsh('domstate', guest.name).trim();
const source = (): string => virsh('domblklist', guest.name);
const snapshot = (...more: string[]): void => {
  virsh('snapshot-create-as', guest.name, 'old', ...more);
};
const overlay = (): void => snapshot('--disk-only', '--no-metadata');
const expectOneImage = (): void => {
  const info = run('qemu-img', ['info', '-U', '--backing-chain', '--output=json', imageOf(guest)]);
  expect(JSON.parse(info)).toHaveLength(1);
};
const expectNoSnapshot = (): void => {
  expect(virsh('snapshot-list', '--name', guest.name).trim()).toBe('');
};
const imageOf = ({ name }: RunbookGuest): string => /vda +(\S+)/.exec(virsh('domblklist', name))?.[1] ?? '';

const CASES: readonly Case[] = [
  { of: /^virsh blockcommit/, before: overlay, after: () => expect(source()).toContain(guest.image) },
  { of: /^virsh blockpull/, before: overlay, after: expectOneImage },
  {
    of: /^virsh blockcopy/,
    after: () => {
      expect(source()).toContain(FILE);
      // The definition for the next boot, too.
      expect(virsh('domblklist', '--inactive', guest.name)).toContain(FILE);
    },
  },
  { of: /^virsh snapshot-info/, before: snapshot },
  {
    of: /^virsh snapshot-delete .*--metadata/,
    // As in the runbook: the snapshot is merged before its metadata is deleted.
    before: () => {
      snapshot('--disk-only');
      virsh('blockcommit', guest.name, 'vda', '--shallow', '--active', '--pivot', '--wait');
    },
    after: expectNoSnapshot,
  },
  {
    of: /^virsh snapshot-delete/,
    before: snapshot,
    after: expectNoSnapshot,
  },
  {
    of: /^virsh resume/,
    before: () => virsh('suspend', guest.name),
    after: () => expect(state()).toBe('running'),
  },
  {
    of: /^virsh reset/,
    before: () => virsh('suspend', guest.name),
    // A reset VM stays paused, so the runbook must say to resume it.
    after: () => expect(state()).toBe('paused'),
  },
  {
    of: /^virsh start/,
    before: () => virsh('destroy', guest.name),
    after: () => expect(state()).toBe('running'),
  },
  { of: /^virsh destroy/, after: () => expect(state()).toBe('shut off') },
  {
    of: /^virsh undefine/,
    before: () => virsh('destroy', guest.name),
    after: () => expect(succeeds('virsh', ['dominfo', guest.name])).toBe(false),
  },
  { of: /^virsh dump /, after: () => expect(existsSync(FILE)).toBe(true) },
  {
    of: /^virsh migrate /,
    after: () => {
      expect(succeeds('virsh', ['dominfo', guest.name])).toBe(false);
      expect(run('virsh', ['-c', second.uri, 'list', '--name', '--persistent'])).toContain(guest.name);
    },
  },
  {
    of: /^virsh dumpxml .* define/,
    before: () => virsh('destroy', guest.name),
    after: () => expect(run('virsh', ['-c', second.uri, 'domstate', guest.name])).toContain('running'),
  },
  {
    of: /^virsh domjobabort/,
    vm: booted,
    before: async () => {
      spawn(
        'virsh',
        ['migrate', '--live', '--unsafe', '--bandwidth', '1', booted.name, second.uri, 'tcp://127.0.0.1'],
        { stdio: 'ignore' },
      );
      await until('the migration to begin', 30_000, () =>
        virsh('domjobinfo', booted.name).includes('Outgoing migration'),
      );
    },
    after: () => expect(virsh('domstate', booted.name).trim()).toBe('running'),
  },
  { of: /^virsh domfstrim/, vm: booted },
  {
    of: /^virsh pool-refresh .* pool-info/,
    before: () => {
      oldSizes = virsh('pool-info', POOL, '--bytes');
      run('fallocate', ['-l', '64M', FILE]);
      // As in the runbook: without a refresh these figures are old.
      expect(virsh('pool-info', POOL, '--bytes')).toBe(oldSizes);
    },
    after: () => expect(virsh('pool-info', POOL, '--bytes')).not.toBe(oldSizes),
  },
  {
    of: /\/task\/\*; do/,
    after: (stdout) => {
      const lines = stdout.trim().split('\n');
      expect(lines.filter((line) => !/^.+: State:\s+[RSDTtZXI] \([\w ]+\)$/.test(line))).toEqual([]);
      expect(stdout).toMatch(/^CPU 0\/\w+: State:/m);
    },
  },
  {
    of: /^kill -CONT/,
    before: () => process.kill(qemuPid(guest.name), 'SIGSTOP'),
    after: () => expect(virsh('domcontrol', guest.name)).toContain('ok'),
  },
  { of: /^virtune tune profiles check/, before: () => copyFileSync(PROFILE, FILE) },
  // As virtune-drift.service leaves it.
  { of: /\/run\/virtune/, before: () => inShell('virtune tune drift --record') },
  {
    of: /^virtune tune rollback/,
    before: () =>
      inShell(filled('virtune tune apply VM --profile balanced --yes --no-host', { VM: guest.name })),
  },
];

/** The command as an operator would type it, but without prompts, and ending by itself. */
function typed(text: string, vm: RunbookGuest): string {
  const values = {
    ...{ VM: vm.name, NEIGHBOUR: neighbour.name, POOL, FILE, HOST: '127.0.0.1', SNAPSHOT: 'old' },
    ...{ SIZE: '96M', COUNT: '1', PROFILE: 'balanced', JOB: 'kvm', DIR: at('dashboards') },
  };
  return filled(
    text
      .replaceAll(
        'qemu+ssh://OTHER/system',
        /migrate/.test(text) ? `${second.uri} tcp://127.0.0.1 --unsafe` : second.uri,
      )
      .replaceAll('IMAGE', () => imageOf(vm))
      .replaceAll(/\bPID\b/g, () => `${qemuPid(vm.name)}`)
      .replaceAll('vnet0', () => vm.tap)
      .replaceAll('cpuN', 'cpu1')
      .replace(/^(migratepages .* 0) 1$/, existsSync('/sys/devices/system/node/node1') ? '$1 1' : '$1 0')
      .replace('$(pidof libvirtd)', `${libvirtdPid()}`)
      .replace(/virtune top$/, 'virtune top --once')
      .replace(/virtune tune watch$/, 'virtune tune watch --once')
      .replace(/^(virtune tune apply .*)$/, '$1 --yes --force --no-host')
      .replace(/^(virtune tune rollback.*)$/, '$1 --yes')
      // A guest without an operating system does not react to the power button.
      .replace(/--restart\b/, '--restart --shutdown-timeout 5 --force-off'),
    values,
  );
}

async function inShell(
  command: string,
): Promise<Pick<SpawnSyncReturns<string>, 'status' | 'stdout' | 'stderr'>> {
  const child = spawn('bash', ['-c', command], {
    cwd: at(''),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      LC_ALL: 'C',
      PATH: `${at('')}:${process.env['PATH']}`,
      VIRTUNE_STATE_DIR: at('state'),
    },
    timeout: 60_000,
  });
  return outputOf(child);
}

/** Each command is run once, for the first runbook that has it. */
const seen = new Set<string>();
const runbooks = [...readRunbooks(), readGuide()].map(({ alert, commands }) => {
  const its = commands.filter(({ text }) => !seen.has(text) && !NOT_RUN.some(([not]) => not.test(text)));
  for (const { text } of its) seen.add(text);
  return [alert, its] as const;
});

test.each(runbooks.filter(([, commands]) => commands.length > 0))(
  'the commands of %s work on libvirtd',
  { timeout: 300_000 },
  async (_, commands) => {
    const failed: string[] = [];
    for (const command of commands) {
      const fault = await faultOf(command);
      if (fault !== undefined) failed.push(fault);
    }
    expect(failed, failed.join('\n')).toEqual([]);
  },
);

/** Runs a command again if the guest went down during it: an earlier command may have asked for that shutdown. */
async function faultOf(line: Line): Promise<string | undefined> {
  const fault = await faultAtOnceOf(line);
  return fault === undefined || isUp() ? fault : faultAtOnceOf(line);
}

async function faultAtOnceOf({ text }: Line): Promise<string | undefined> {
  const found = CASES.find(({ of }) => of.test(text));
  const vm = found?.vm ?? guest;
  if (vm === guest && (found !== undefined || !isUp())) renew();
  rmSync(FILE, { force: true });
  await found?.before?.();
  const command = typed(text, vm);
  const { status, stdout, stderr } = await inShell(command);
  const allowed = STATUS.flatMap(([of, statuses]) => (of.test(text) ? statuses : []));
  if (status !== 0 && !allowed.includes(status ?? -1))
    return `${command} ended with ${status}:\n${`${stdout}${stderr}`.slice(-1_000)}`;
  try {
    found?.after?.(stdout);
    return undefined;
  } catch (error) {
    return `${command}: ${(error as Error).message}`;
  }
}

const isUp = (): boolean => succeeds('virsh', ['domid', guest.name]) && state() === 'running';

function renew(): void {
  succeeds('virsh', ['-c', second.uri, 'destroy', guest.name]);
  succeeds('virsh', ['-c', second.uri, 'undefine', guest.name]);
  guest.create();
}

test('what is not run is in a runbook', () => {
  const texts = [...readRunbooks(), readGuide()].flatMap(({ commands }) => commands.map(({ text }) => text));
  for (const [not] of NOT_RUN)
    expect(
      texts.some((text) => not.test(text)),
      `${not}`,
    ).toBe(true);
  for (const { of } of CASES)
    expect(
      texts.some((text) => of.test(text)),
      `${of}`,
    ).toBe(true);
});

test.each(Object.entries(VIRSH_OPTIONS))(
  'virsh %s has the options that the documentation uses',
  (name, options) => {
    const help = virsh('help', name);
    expect(options.filter((option) => !new RegExp(`--${option}\\b`).test(help))).toEqual([]);
  },
);
