import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { groupsToAsk } from '../../cli/top/sources.ts';
import { connect } from '../../libvirt/client/connect.ts';
import { type HostSample, steadyMs } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { findColumn } from '../../tui/columns/column.ts';
import { vmColumns } from '../../tui/columns/vm-columns.ts';
import { HostModel } from '../../tui/model/host-model.ts';
import type { Vm } from '../../tui/model/vm.ts';
import { sampleText } from '../exporter/sample-text.ts';
import { figure, find, parseExposition, type Series } from '../exposition.ts';
import { VIRTUNE } from '../virtune-process.ts';
import { killLibvirtd, startLibvirtd } from './lab/daemon.ts';
import { BOOTED, bareName, qemuPid } from './lab/guests.ts';
import { sleep, until } from './lab/run.ts';
import { Tmux } from './lab/tmux.ts';
import { virsh } from './lab/virsh.ts';

const [COMMAND, ...FIRST] = VIRTUNE;
// A new libvirtd probes every QEMU before it reports any, which is not tested here.
beforeAll(() => {
  virsh('version');
  virsh('capabilities');
});

const [STUCK, STOPPED] = [bareName(1), bareName(2)];

/** Two samples of the running libvirtd, as console and exporter would both take them. */
async function twoSamples(): Promise<readonly [HostSample, HostSample]> {
  const sampler = new Sampler({
    open: (signal) => connect('qemu:///system', { readOnly: true, signal }),
    groups: groupsToAsk(),
    procRoot: '/proc',
    domainDeadlineMs: 20_000,
    tickDeadlineMs: 60_000,
  });
  // The first sample reads the XML, which determines what the next ones query.
  await sampler.sample();
  const first = await sampler.sample();
  await sleep(1_500);
  const second = await sampler.sample();
  await sampler.close();
  return [first, second];
}

function exported(sample: HostSample): Series[] {
  return parseExposition(sampleText(sample, 'text', groupsToAsk(), []));
}

const value = (vm: Vm, id: string): number => Number(findColumn(vmColumns, id)?.read(vm));

test('what the console shows is what the exporter reports at the same ticks', async () => {
  const [first, second] = await twoSamples();
  const model = new HostModel({ name: 'host', uri: 'qemu:///system', groups: groupsToAsk() });
  model.ingest(first);
  const view = model.ingest(second);
  const [before, after] = [exported(first), exported(second)];
  expect(view.vms.length).toBeGreaterThanOrEqual(3);
  for (const vm of view.vms) {
    const domain = vm.name;
    const sum = (series: Series[], name: string): number =>
      find(series, `libvirt_domain_${name}`, { domain }).reduce((total, each) => total + each.value, 0);
    const added = (name: string): number => sum(after, name) - sum(before, name);
    const seconds = (vm.rates?.elapsedMs ?? Number.NaN) / 1_000;
    expect(seconds, domain).toBeGreaterThan(1);
    // CPU time is read by another call, at another moment.
    const cpuSeconds = cpuElapsedMs(first, second, vm) / 1_000;
    expect(value(vm, 'cpu_percent'), domain).toBeCloseTo(
      (added('info_cpu_time_seconds_total') / cpuSeconds) * 100,
      6,
    );
    const [run, delay] = [added('vcpu_time_seconds_total'), added('vcpu_delay_seconds_total')];
    const vcpus = after.filter(
      ({ name, labels }) => name === 'libvirt_domain_vcpu_delay_seconds_total' && labels['domain'] === domain,
    ).length;
    expect(value(vm, 'steal_percent'), domain).toBeCloseTo((delay / vcpus / seconds) * 100, 6);
    expect(value(vm, 'contention_percent'), domain).toBeCloseTo(
      run + delay === 0 ? 0 : (delay / (run + delay)) * 100,
      6,
    );
    for (const [id, name] of [
      ['disk_read_bytes_per_second', 'block_stats_read_bytes_total'],
      ['disk_write_bytes_per_second', 'block_stats_write_bytes_total'],
      ['disk_read_requests_per_second', 'block_stats_read_requests_total'],
      ['disk_write_requests_per_second', 'block_stats_write_requests_total'],
      ['net_receive_bytes_per_second', 'interface_stats_receive_bytes_total'],
      ['net_transmit_bytes_per_second', 'interface_stats_transmit_bytes_total'],
    ] as const) {
      expect(value(vm, id), `${domain} ${id}`).toBeCloseTo(added(name) / seconds, 6);
    }
    for (const [id, name] of [
      ['memory_balloon_bytes', 'memory_stats_current_balloon_bytes'],
      ['memory_maximum_bytes', 'info_maximum_memory_bytes'],
      ['vcpus', 'info_virtual_cpus'],
    ] as const) {
      expect(value(vm, id), `${domain} ${id}`).toBe(figure(after, `libvirt_domain_${name}`, { domain }));
    }
  }
  const booted = view.vms.find((vm) => vm.name === BOOTED) as Vm;
  expect(value(booted, 'memory_used_bytes')).toBe(
    figure(after, 'libvirt_domain_memory_stats_used_bytes', { domain: BOOTED }),
  );
  expect(value(booted, 'iops')).toBeGreaterThan(0);
  expect(booted.sample.summary.places?.length).toBe(2);
  expect(view.rates?.byCpu.size).toBeGreaterThan(0);
});

function cpuElapsedMs(first: HostSample, second: HostSample, vm: Vm): number {
  const at = (sample: HostSample): number =>
    steadyMs(
      sample,
      sample.domains.find(({ domain }) => domain.uuid === vm.sample.domain.uuid)?.summary.cpuTimeAtMs ??
        Number.NaN,
    );
  return at(second) - at(first);
}

interface Tick {
  readonly hosts: readonly { readonly up: boolean; readonly error: string | null }[];
  readonly vms: readonly (Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly state: string;
  })[];
}

/** `virtune top --json` while it runs. */
let child: ChildProcess;
let ticks: Tick[] = [];
beforeEach(() => {
  ticks = [];
  child = spawn(COMMAND, [...FIRST, 'top', '--no-config', '--json', '-d', '0.5', '--domain-deadline', '3'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => ticks.push(JSON.parse(line)));
});
afterEach(async () => {
  process.kill(qemuPid(STUCK), 'SIGCONT');
  child.kill();
  await startLibvirtd();
  if (virsh('domstate', STOPPED).trim() === 'shut off') virsh('start', STOPPED, '--paused');
});

const vm = (name: string): Tick['vms'][number] | undefined =>
  ticks.at(-1)?.vms.find((each) => each.name === name);

test('a guest that hangs is shown as stuck, with the reason for its missing figures; the others keep theirs', async () => {
  await until('figures', 60_000, () => typeof vm(BOOTED)?.['cpu_percent'] === 'number');
  process.kill(qemuPid(STUCK), 'SIGSTOP');
  await until('it to be stuck', 60_000, () => vm(STUCK)?.state === 'stuck');
  expect(vm(STUCK)).toMatchObject({
    disk_read_bytes_per_second: null,
    missing: { disk_read_bytes_per_second: 'unresponsive' },
    findings: [
      expect.objectContaining({
        kind: 'vm-unresponsive',
        commands: expect.arrayContaining([['virsh', 'domcontrol', STUCK]]),
      }),
    ],
  });
  expect(vm(STUCK)?.['cpu_percent']).toBeTypeOf('number');
  expect(vm(BOOTED)?.['disk_write_bytes_per_second']).toBeTypeOf('number');
  process.kill(qemuPid(STUCK), 'SIGCONT');
  await until('it to be back', 60_000, () => typeof vm(STUCK)?.['disk_read_bytes_per_second'] === 'number');
});

test('while libvirtd is away it says so, and continues when it is back', async () => {
  await until('figures', 60_000, () => typeof vm(BOOTED)?.['cpu_percent'] === 'number');
  await killLibvirtd('SIGKILL');
  await until('the host to be down', 60_000, () => ticks.at(-1)?.hosts[0]?.up === false);
  expect(ticks.at(-1)?.hosts[0]?.error).not.toBe('');
  await startLibvirtd();
  await until(
    'figures again',
    15_000,
    () => ticks.at(-1)?.hosts[0]?.up === true && typeof vm(BOOTED)?.['iops'] !== 'object',
  );
});

test('a guest that is stopped and started on screen stays in its row, under the cursor', async () => {
  const tmux = new Tmux({ term: 'xterm-256color', width: 120, height: 40 });
  try {
    tmux.top('-d', '0.5', '--sort', 'name');
    await tmux.until('the guests', (screen) => new RegExp(`${STOPPED} +P paused`).test(screen));
    tmux.press('/');
    tmux.type(STOPPED);
    tmux.press('Enter', 'F');
    await tmux.until('it alone', (screen) => screen.includes(`>${STOPPED} `));
    virsh('destroy', STOPPED);
    await tmux.until('it to be off', (screen) => new RegExp(`>${STOPPED} +- off`).test(screen));
    virsh('start', STOPPED, '--paused');
    await tmux.until('it to be back', (screen) => new RegExp(`>${STOPPED} +P paused.* 0\\.0 `).test(screen));
    expect(tmux.screen()).not.toContain('NaN');
  } finally {
    tmux.close();
  }
});

test('what the host itself reports is on the screen: pressure, CPUs by number, where vCPUs run', async () => {
  const tmux = new Tmux({ term: 'xterm-256color', width: 140, height: 40 });
  try {
    tmux.top('-d', '0.5');
    await tmux.until('the pressure', (screen) => /PSI cpu +\d/.test(screen));
    tmux.press('1');
    await tmux.until('the booted guest on a CPU', (screen) => new RegExp(`${BOOTED}:[01] \\d`).test(screen));
    tmux.press('5');
    await tmux.until('the host', (screen) => /libvirt 9\.\d/.test(screen) && screen.includes('pressure io'));
  } finally {
    tmux.close();
  }
});
