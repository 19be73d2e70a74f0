import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { restartLibvirtd } from './lab/daemon.ts';
import { BOOTED, qemuPid } from './lab/guests.ts';
import { PREFIX } from './lab/paths.ts';
import { run, succeeds, until } from './lab/run.ts';
import { domstats, virsh } from './lab/virsh.ts';

/** Guests that never report their memory: without a balloon, without a stats period, paused with one. */
const NO_BALLOON = `${PREFIX}series-nobal`;
const NO_PERIOD = `${PREFIX}series-noperiod`;
const PAUSED = `${PREFIX}series-paused`;
const GUESTS = [NO_BALLOON, NO_PERIOD, PAUSED];
const COMPARED = [...GUESTS, BOOTED];
const FILE = `/tmp/${PREFIX}series`;
const RSS = 'libvirt_domain_memory_stats_rss_bytes';

function start(name: string, devices: string, vcpu = '<vcpu>1</vcpu>'): void {
  writeFileSync(
    `${FILE}.xml`,
    `<domain type='qemu'><name>${name}</name><memory unit='MiB'>24</memory>${vcpu}
     <os><type arch='x86_64'>hvm</type></os><features><acpi/></features><devices>${devices}</devices></domain>`,
  );
  virsh('create', '--paused', `${FILE}.xml`);
}

let virtune: VirtuneProcess;
beforeAll(async () => {
  for (const end of ['img', 'iso']) run('truncate', ['-s', '64K', `${FILE}.${end}`]);
  start(NO_BALLOON, "<memballoon model='none'/>");
  start(
    NO_PERIOD,
    "<memballoon model='virtio'/><disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>",
    "<vcpu current='1'>2</vcpu>",
  );
  start(PAUSED, "<memballoon model='virtio'><stats period='5'/></memballoon>");
  virtune = await started();
});
afterAll(async () => {
  await virtune.stop();
  for (const name of GUESTS) succeeds('virsh', ['destroy', name]);
  for (const end of ['img', 'iso', 'xml']) rmSync(`${FILE}.${end}`, { force: true });
});

async function started(): Promise<VirtuneProcess> {
  const process = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', '--collect.cpu');
  await process.url();
  return process;
}

/** Names of their series and of those of the lab's guest that reports its memory; counts between samples need two. */
function namesOf(series: readonly Series[]): string[] {
  return series
    .filter(({ name, labels }) => COMPARED.includes(labels['domain'] ?? '') && !name.includes('limit_use'))
    .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
    .sort();
}

async function expectSameTwice(process: VirtuneProcess): Promise<Series[]> {
  const first = await process.scrape();
  const second = await process.scrape();
  expect(namesOf(first)).toEqual(namesOf(second));
  return first;
}

const reasonOf = (series: Series[], domain: string, group: string): string | undefined =>
  find(series, 'virtune_domain_missing', { domain, group })[0]?.labels['reason'];

test('the first scrape after a start has the series of the second, and RSS of every guest', async () => {
  const fresh = await started();
  const series = await expectSameTwice(fresh);
  await fresh.stop();
  for (const domain of GUESTS) {
    const libvirts = Number(domstats(domain).get('balloon.rss')) * 1_024;
    expect((figure(series, RSS, { domain }) ?? 0) / libvirts).toBeCloseTo(1, 1);
    expect(find(series, 'libvirt_domain_memory_stats_unused_bytes', { domain })).toEqual([]);
    // These run without KVM, and this libvirt may report 0 for what only KVM counts.
    expect(find(series, 'libvirt_domain_halt_poll_fail_seconds_total', { domain })).toEqual([]);
  }
  expect(GUESTS.map((domain) => reasonOf(series, domain, 'balloon'))).toEqual([
    'no_balloon',
    'no_stats_period',
    'paused',
  ]);
});

test('a disk that is plugged, and a medium that is changed, have their labels in the next scrape', async () => {
  await virtune.scrape();
  virsh('change-media', NO_PERIOD, 'sda', `${FILE}.iso`, '--insert', '--live');
  const changed = await expectSameTwice(virtune);
  expect(
    find(changed, 'libvirt_domain_block_stats_info', { domain: NO_PERIOD, target_device: 'sda' })[0]?.labels,
  ).toMatchObject({ source_file: `${FILE}.iso` });
  virsh('attach-disk', NO_PERIOD, `${FILE}.img`, 'vdb', '--targetbus', 'virtio', '--live');
  const plugged = await expectSameTwice(virtune);
  const vdb = { domain: NO_PERIOD, target_device: 'vdb' };
  expect(find(plugged, 'libvirt_domain_block_stats_info', vdb)).toHaveLength(1);
  expect(find(plugged, 'libvirt_domain_block_stats_read_bytes_total', vdb)).toHaveLength(1);
});

test('a NIC and a vCPU that are plugged have the series of the second scrape in the next', async () => {
  await virtune.scrape();
  virsh('attach-interface', NO_PERIOD, 'network', 'default', '--model', 'virtio', '--live');
  const withNic = await expectSameTwice(virtune);
  const [nic] = find(withNic, 'libvirt_domain_interface_stats_info', { domain: NO_PERIOD });
  const { target_device } = nic?.labels ?? {};
  expect(target_device).toMatch(/^vnet/);
  const received = { domain: NO_PERIOD, target_device: target_device as string };
  expect(find(withNic, 'libvirt_domain_interface_stats_receive_bytes_total', received)).toHaveLength(1);
  virsh('setvcpus', NO_PERIOD, '2', '--live');
  const withVcpu = await expectSameTwice(virtune);
  expect(find(withVcpu, 'libvirt_domain_vcpu_time_seconds_total', { domain: NO_PERIOD })).toHaveLength(2);
});

test('the first scrape after libvirtd is back has the series of the second', async () => {
  const before = namesOf(await virtune.scrape());
  await restartLibvirtd();
  await until('the exporter to be connected again', 30_000, async () => {
    const first = await virtune.scrape();
    if (figure(first, 'libvirt_up') !== 1) return false;
    expect(namesOf(first)).toEqual(before);
    expect(namesOf(await virtune.scrape())).toEqual(before);
    return true;
  });
}, 60_000);

test('of a guest that hangs behind the job of another client, figures are missing for that reason, and RSS stays', async () => {
  const pid = qemuPid(PAUSED);
  process.kill(pid, 'SIGSTOP');
  const holder = run('sh', [
    '-c',
    `timeout 20 virsh qemu-monitor-command ${PAUSED} '{"execute":"query-status"}' >/dev/null 2>&1 & echo $!`,
  ]);
  try {
    // domcontrol needs no job itself; a scrape that came before the job would occupy the guest instead.
    await until('the job to hold the guest', 15_000, async () =>
      virsh('domcontrol', PAUSED).includes('occupied'),
    );
    const series = await virtune.scrape();
    expect(reasonOf(series, PAUSED, 'balloon')).toBe('unresponsive');
    expect(figure(series, RSS, { domain: PAUSED })).toBeGreaterThan(0);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(Number(holder)).toBeGreaterThan(0);
});
