import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { inBackground } from './lab/daemon.ts';
import { BOOTED } from './lab/guests.ts';
import { until } from './lab/run.ts';
import { dommemstat, domstats, virsh } from './lab/virsh.ts';

let virtune: VirtuneProcess;
beforeAll(async () => {
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0');
  await virtune.url();
});
afterAll(async () => {
  expect(await virtune.stop()).toMatchObject({ code: 0 });
});

const KIB = 1_024;
const NS = 1e-9;

/** Tag of dommemstat, our name, and the size of its unit in ours. */
const MEMORY_TAGS = [
  ['actual', 'current_balloon_bytes', KIB],
  ['swap_in', 'swap_in_bytes_total', KIB],
  ['swap_out', 'swap_out_bytes_total', KIB],
  ['major_fault', 'major_fault_total', 1],
  ['minor_fault', 'minor_fault_total', 1],
  ['unused', 'unused_bytes', KIB],
  ['available', 'available_bytes', KIB],
  ['usable', 'usable_bytes', KIB],
  ['last_update', 'last_update_timestamp_seconds', 1],
  ['disk_caches', 'disk_caches_bytes', KIB],
  ['hugetlb_pgalloc', 'hugetlb_pgalloc_total', 1],
  ['hugetlb_pgfail', 'hugetlb_pgfail_total', 1],
  ['rss', 'rss_bytes', KIB],
] as const;

/** Reads virsh before and after a scrape: our figure must lie between, whether it rose or fell. */
async function between(
  read: () => Map<string, string>,
): Promise<[Map<string, string>, Series[], Map<string, string>]> {
  return [read(), await virtune.scrape(), read()];
}

function expectBetween(
  field: string,
  before: string | undefined,
  ours: number | undefined,
  after: string | undefined,
  unit: number,
): void {
  const bounds = [Number(before) * unit, Number(after) * unit];
  const slack = 1e-9 * Math.max(...bounds);
  expect(ours, field).toBeGreaterThanOrEqual(Math.min(...bounds) - slack);
  expect(ours, field).toBeLessThanOrEqual(Math.max(...bounds) + slack);
}

test('all 13 tags of dommemstat are what virsh reads at the same time', async () => {
  // The guest reports every 2 s, and a report between both readings may go up and down: waits for a quiet moment.
  await until('a moment without a report in between', 30_000, async () => {
    const [before, series, after] = await between(() => dommemstat(BOOTED));
    expect([...before.keys()].filter((tag) => !MEMORY_TAGS.some(([known]) => known === tag))).toEqual([]);
    if (before.get('last_update') !== after.get('last_update')) return false;
    for (const [tag, name, unit] of MEMORY_TAGS) {
      const ours = figure(series, `libvirt_domain_memory_stats_${name}`, { domain: BOOTED });
      expectBetween(tag, before.get(tag), ours, after.get(tag), unit);
    }
    return true;
  });
});

test('vCPU, block and network figures are what virsh domstats reads at the same time', async () => {
  const [before, series, after] = await between(() => domstats(BOOTED));
  const check = (field: string, name: string, labels: Record<string, string>, unit = 1): void => {
    const ours = figure(series, `libvirt_domain_${name}`, { domain: BOOTED, ...labels });
    expectBetween(field, before.get(field), ours, after.get(field), unit);
  };
  check('cpu.time', 'info_cpu_time_seconds_total', {}, NS);
  check('cpu.user', 'info_cpu_user_seconds_total', {}, NS);
  check('cpu.system', 'info_cpu_system_seconds_total', {}, NS);
  for (const vcpu of ['0', '1']) {
    check(`vcpu.${vcpu}.time`, 'vcpu_time_seconds_total', { vcpu }, NS);
    check(`vcpu.${vcpu}.delay`, 'vcpu_delay_seconds_total', { vcpu }, NS);
    // A kernel without scheduler statistics does not count waiting: libvirt reports 0, virtune omits the series.
    if (before.get(`vcpu.${vcpu}.wait`) === '0') {
      expect(find(series, 'libvirt_domain_vcpu_wait_seconds_total', { domain: BOOTED, vcpu })).toEqual([]);
    } else check(`vcpu.${vcpu}.wait`, 'vcpu_wait_seconds_total', { vcpu }, NS);
  }
  for (const [index, target_device] of ['vda', 'vdb'].entries()) {
    for (const [field, name, unit] of [
      ['rd.reqs', 'read_requests_total', 1],
      ['rd.bytes', 'read_bytes_total', 1],
      ['rd.times', 'read_time_seconds_total', NS],
      ['wr.reqs', 'write_requests_total', 1],
      ['wr.bytes', 'write_bytes_total', 1],
      ['wr.times', 'write_time_seconds_total', NS],
      ['fl.reqs', 'flush_requests_total', 1],
      ['fl.times', 'flush_time_seconds_total', NS],
      ['capacity', 'capacity_bytes', 1],
    ] as const) {
      check(`block.${index}.${field}`, `block_stats_${name}`, { target_device }, unit);
    }
    expect(Number(after.get(`block.${index}.fl.times`))).toBeGreaterThan(0);
  }
  const target_device = before.get('net.0.name') ?? '';
  expect(target_device).not.toBe('');
  for (const [ours, theirs] of [
    ['receive', 'rx'],
    ['transmit', 'tx'],
  ] as const) {
    for (const [name, field] of [
      ['bytes', 'bytes'],
      ['packets', 'pkts'],
      ['errors', 'errs'],
      ['drops', 'drop'],
    ] as const) {
      check(`net.0.${theirs}.${field}`, `interface_stats_${ours}_${name}_total`, { target_device });
    }
  }
});

test('the properties of the guest are in info series', async () => {
  const series = await virtune.scrape();
  expect(find(series, 'libvirt_domain_openstack_info', { domain: BOOTED })[0]?.labels).toMatchObject({
    instance_name: 'lab guest "quoted" & more',
    project_name: 'lab',
  });
  expect(
    find(series, 'libvirt_domain_block_stats_info', { domain: BOOTED, target_device: 'vda' })[0]?.labels,
  ).toMatchObject({
    cache: 'none',
    io: 'native',
    driver_type: 'raw',
  });
});

test('promtool has no complaint', async () => {
  const checked = spawnSync('promtool', ['check', 'metrics'], {
    input: await virtune.text(),
    encoding: 'utf8',
  });
  expect(checked.stdout + checked.stderr).toBe('');
  expect(checked.status).toBe(0);
});

test('a real Prometheus scrapes it, and its queries find the guest', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'virtune-prometheus-'));
  const target = new URL(await virtune.url()).host;
  const config = join(folder, 'prometheus.yml');
  writeFileSync(
    config,
    `scrape_configs:\n- job_name: virtune\n  scrape_interval: 1s\n  static_configs: [{targets: ['${target}']}]\n`,
  );
  const stop = inBackground('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:19090',
  ]);
  const query = async (
    expression: string,
  ): Promise<{ metric: Record<string, string>; value: [number, string] }[]> => {
    const response = await fetch(
      `http://127.0.0.1:19090/api/v1/query?query=${encodeURIComponent(expression)}`,
    );
    const { data } = (await response.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result;
  };
  try {
    const rates = await until('a rate of vCPU time', 60_000, async () => {
      const result = await query(`rate(libvirt_domain_vcpu_time_seconds_total{domain="${BOOTED}"}[10s])`);
      return result.length === 2 ? result : undefined;
    });
    expect(rates.map((each) => each.metric['vcpu']).sort()).toEqual(['0', '1']);
    expect((await query('libvirt_up'))[0]?.value[1]).toBe('1');
    expect(Number((await query('libvirt_domains'))[0]?.value[1])).toBe(
      virsh('list', '--all', '--name')
        .split('\n')
        .filter((name) => name !== '').length,
    );
  } finally {
    stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
});
