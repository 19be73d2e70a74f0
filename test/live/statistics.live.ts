import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { PREFIX } from './lab/paths.ts';
import { run, succeeds } from './lab/run.ts';
import { domstats, virsh } from './lab/virsh.ts';

/** A guest with all that libvirt can count for a disk and an iothread; older versions ignore what they do not know. */
const GUEST = `${PREFIX}statistics`;
const FILE = `/tmp/${PREFIX}statistics`;

let virtune: VirtuneProcess;
let series: Series[];
let stats: ReadonlyMap<string, string>;
beforeAll(async () => {
  run('truncate', ['-s', '1M', `${FILE}.img`]);
  writeFileSync(
    `${FILE}.xml`,
    `<domain type='qemu'><name>${GUEST}</name><memory unit='MiB'>24</memory><vcpu>1</vcpu><iothreads>1</iothreads>
     <os><type arch='x86_64'>hvm</type></os><devices>
       <disk type='file' device='disk'><driver name='qemu' type='raw' iothread='1'>
         <statistics><statistic interval='1'/><statistic interval='600'/>
           <latency-histogram><bin start='0'/><bin start='1000000'/></latency-histogram></statistics></driver>
         <source file='${FILE}.img'/><target dev='vda' bus='virtio'/></disk>
     </devices></domain>`,
  );
  // Not paused: the firmware reads the disk, which gives a request to measure.
  virsh('create', `${FILE}.xml`);
  virtune = new VirtuneProcess(
    'exporter',
    '--listen',
    '127.0.0.1:0',
    '--collect.blocklimits',
    '--collect.unknown',
  );
  await virtune.url();
  stats = await untilRead();
  series = await virtune.scrape();
});
afterAll(async () => {
  await virtune.stop();
  succeeds('virsh', ['destroy', GUEST]);
  for (const end of ['img', 'xml']) rmSync(`${FILE}.${end}`, { force: true });
});

async function untilRead(): Promise<ReadonlyMap<string, string>> {
  for (;;) {
    const read = domstats(GUEST);
    if (Number(read.get('block.0.rd.reqs')) > 0) return read;
    await virtune.scrape();
  }
}

test('this libvirt reports no statistic that virtune does not know', () => {
  expect(find(series, 'libvirt_domain_unknown_statistic', {})).toEqual([]);
  expect(figure(series, 'virtune_unknown_statistics', {})).toBe(0);
});

test('the polling weight of the iothread is what virsh domstats reads', () => {
  const weight = stats.get('iothread.1.poll-weight');
  expect(figure(series, 'libvirt_domain_iothread_poll_weight', { domain: GUEST, iothread: '1' })).toBe(
    weight === undefined ? undefined : Number(weight),
  );
});

test('limits of the disk are what virsh domstats reads', () => {
  const limits = [...stats].filter(([name]) => name.startsWith('block.0.limits.'));
  const found = [
    ...find(series, 'libvirt_domain_block_limit_bytes', { domain: GUEST }),
    ...find(series, 'libvirt_domain_block_limit_segments', { domain: GUEST }),
  ];
  expect(
    found.map(({ labels, value }) => [`block.0.limits.${labels['limit']}`, String(value)]).sort(),
  ).toEqual(limits.sort());
});

test('the window that holds the boot has the latencies that virsh domstats reads', () => {
  const name = 'libvirt_domain_block_stats_window_latency_max_seconds';
  const long = [...stats].find(([field, value]) => field.endsWith('.interval') && value === '600')?.[0];
  const windowOf = (operation: string): number | undefined =>
    figure(series, name, { domain: GUEST, operation, interval: '600s' });
  if (long === undefined) {
    // Before libvirt 11.10.
    expect(windowOf('read')).toBeUndefined();
    return;
  }
  const maxNs = Number(stats.get(long.replace('interval', 'rd_latency_max')));
  expect(maxNs).toBeGreaterThan(0);
  expect(windowOf('read')).toBeGreaterThanOrEqual(maxNs / 1e9);
  expect(windowOf('flush')).toBeUndefined();
});
