import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { figure, find, parseExposition, type Series } from '../exposition.ts';
import { NumaGuest } from './lab/numa-guest.ts';
import { NumaHost } from './lab/numa-host.ts';
import { until } from './lab/run.ts';

/** On an emulated CPU, starting node alone takes seconds. */
const TIMEOUT_MS = 600_000;
const WAIT_MS = 300_000;
const PORT = 9177;
const UNIT = 'virtune-exporter';
const CELLS = [0, 1] as const;

let host: NumaHost;
let db: NumaGuest;
let web: NumaGuest;

/** Installs what a package would: the command, the unit with its drop-in, the socket, a file of arguments. */
async function install(): Promise<void> {
  await host.must(`printf '#!/bin/sh\\nexec /opt/node /opt/virtune/dist/cli/virtune.js "$@"\\n' >/usr/bin/virtune &&
    chmod 755 /usr/bin/virtune && mkdir -p /etc/systemd/system/${UNIT}.service.d`);
  for (const file of [`${UNIT}.service`, `${UNIT}.socket`, `${UNIT}.service.d/local-extras.conf`])
    await host.must(`cat >/etc/systemd/system/${file}`, readFileSync(`deploy/systemd/${file}`, 'utf8'));
  await host.must('systemctl daemon-reload');
}

beforeAll(async () => {
  host = await NumaHost.boot();
  db = new NumaGuest(host, 'db01');
  web = new NumaGuest(host, 'web01');
  await host.must('echo 64 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages');
  await db.define(
    2,
    128,
    `<memoryBacking><hugepages/></memoryBacking><numatune><memory mode='strict' nodeset='1'/></numatune>`,
  );
  await web.define(
    1,
    128,
    `<memoryBacking><allocation mode='immediate'/></memoryBacking><numatune><memory mode='strict' nodeset='0'/></numatune>`,
  );
  await db.start();
  await web.start();
  await install();
  await host.must(`systemctl start ${UNIT}.service`);
}, 1_500_000);
afterAll(() => host?.stop());

/** The page of metrics, fetched on the host; undefined while nothing serves it. */
async function tryScrape(): Promise<Series[] | undefined> {
  const { stdout } = await host.sh(
    `exec 3<>/dev/tcp/127.0.0.1/${PORT} && printf 'GET /metrics HTTP/1.0\\r\\nX-Prometheus-Scrape-Timeout-Seconds: 60\\r\\n\\r\\n' >&3 && cat <&3`,
  );
  const [head = '', body] = stdout.split('\r\n\r\n');
  return /^HTTP\/1\.. 200/.test(head) && body !== undefined ? parseExposition(body) : undefined;
}

const scraped = (what: string, is: (series: Series[]) => boolean): Promise<Series[]> =>
  until(what, WAIT_MS, async () => {
    const series = await tryScrape();
    return series !== undefined && is(series) ? series : undefined;
  });

const isUp = (series: Series[]): boolean => figure(series, 'libvirt_up') === 1;

test('the unit runs with its sandbox, as a dedicated user, and logs to the journal', {
  timeout: TIMEOUT_MS,
}, async () => {
  await scraped('the first sample', isUp);
  expect(await host.must(`systemctl is-active ${UNIT}.service`)).toBe('active');
  expect(await host.must(`ps -o user= -p $(systemctl show -P MainPID ${UNIT})`)).not.toBe('root');
  expect(await host.must(`journalctl -q -o cat -u ${UNIT}`)).toMatch(/127\.0\.0\.1:9177/);
});

test("each cell's memory, CPU time and huge pages are the kernel's", { timeout: TIMEOUT_MS }, async () => {
  // Each is read separately from the samples, and on an emulated CPU one may arrive later than the others.
  const series = await scraped('figures of both cells', (each) =>
    [
      'libvirt_host_numa_memory_bytes',
      'libvirt_host_numa_pages',
      'libvirt_host_numa_cpu_seconds_total',
    ].every((name) => CELLS.every((cell) => find(each, name, { cell: `${cell}` }).length > 0)),
  );
  for (const cell of CELLS) {
    const node = `/sys/devices/system/node/node${cell}`;
    const totalKiB = Number(await host.must(`awk '/MemTotal/ {print $4}' ${node}/meminfo`));
    expect(figure(series, 'libvirt_host_numa_memory_bytes', { cell: `${cell}`, kind: 'total' })).toBe(
      totalKiB * 1_024,
    );
    for (const [kind, file] of [
      ['total', 'nr_hugepages'],
      ['free', 'free_hugepages'],
    ] as const)
      expect(figure(series, 'libvirt_host_numa_pages', { cell: `${cell}`, size: '2048KiB', kind })).toBe(
        Number(await host.must(`cat ${node}/hugepages/hugepages-2048kB/${file}`)),
      );
  }
  const idleOf = async (cell: number): Promise<number> => {
    const lines = (await host.must('cat /proc/stat')).matchAll(/^cpu(\d+) (?:\d+ ){3}(\d+)/gm);
    return [...lines].reduce(
      (sum, [, cpu, ticks]) => (Math.floor(Number(cpu) / 4) === cell ? sum + Number(ticks) / 100 : sum),
      0,
    );
  };
  for (const cell of CELLS) {
    const before = await idleOf(cell);
    const idle = figure(await scraped('a sample', isUp), 'libvirt_host_numa_cpu_seconds_total', {
      cell: `${cell}`,
      mode: 'idle',
    });
    expect(idle).toBeGreaterThanOrEqual(before);
    expect(idle).toBeLessThanOrEqual(await idleOf(cell));
  }
});

test("a VM's memory by node is what numa_maps says, and its huge pages lie on its cell", {
  timeout: TIMEOUT_MS,
}, async () => {
  const series = await scraped('the memory of both by node', (each) =>
    [db, web].every(
      ({ name }) => find(each, 'libvirt_domain_numa_memory_bytes', { domain: name }).length > 0,
    ),
  );
  for (const [guest, bound] of [
    [db, 1],
    [web, 0],
  ] as const) {
    const kib = await guest.memoryByNode();
    for (const node of CELLS) {
      const bytes = figure(series, 'libvirt_domain_numa_memory_bytes', {
        domain: guest.name,
        node: `${node}`,
      });
      // The VM is paused, but its QEMU still serves the monitor: a few pages may be allocated or freed.
      expect(Math.abs((bytes ?? 0) / 1_024 - (kib[node] ?? 0))).toBeLessThan(4_096);
    }
    expect(
      figure(series, 'libvirt_domain_numa_memory_bytes', { domain: guest.name, node: `${bound}` }),
    ).toBeGreaterThan(127 * 2 ** 20);
  }
  // Huge pages of its cell, and transparent ones of QEMU itself.
  const hugeBytes = await db.hugeBytes();
  expect(hugeBytes).toBeGreaterThanOrEqual(128 * 2 ** 20);
  expect(figure(series, 'libvirt_domain_huge_memory_bytes', { domain: db.name })).toBe(hugeBytes);
  expect(figure(series, 'libvirt_domain_hugepages', { domain: db.name })).toBe(1);
});

test("memory, pressure and throttling of a VM are its control group's (v2)", {
  timeout: TIMEOUT_MS,
}, async () => {
  const pressure = async (resource: string): Promise<number> =>
    Number(/^some .*total=(\d+)/m.exec(await web.scopeFile(`${resource}.pressure`))?.[1]) / 1e6;
  for (const resource of ['cpu', 'memory', 'io']) {
    const before = await pressure(resource);
    const series = await scraped('a sample', isUp);
    const share = { domain: web.name, resource, share: 'some' };
    const seconds = figure(series, 'libvirt_domain_pressure_seconds_total', share);
    expect(seconds).toBeGreaterThanOrEqual(before);
    expect(seconds).toBeLessThanOrEqual(await pressure(resource));
  }
  const charged = figure(await scraped('a sample', isUp), 'libvirt_domain_cgroup_memory_bytes', {
    domain: web.name,
  });
  expect(Math.abs((charged ?? 0) - Number(await web.scopeFile('memory.current')))).toBeLessThan(8 * 2 ** 20);
});

test('a libvirtd that was stopped is started by its socket, and the figures come back', {
  timeout: TIMEOUT_MS,
}, async () => {
  await host.must('systemctl stop libvirtd.service');
  expect(await host.must('systemctl is-active libvirtd.socket libvirtd-ro.socket')).toBe('active\nactive');
  await scraped('libvirt to be up again', isUp);
  expect(await host.must('systemctl is-active libvirtd.service')).toBe('active');
});

test('behind its own socket the exporter starts with the first scrape', { timeout: TIMEOUT_MS }, async () => {
  await host.must(`systemctl stop ${UNIT}.service &&
    echo ARGS=--web.systemd-socket >/etc/default/${UNIT} && systemctl start ${UNIT}.socket`);
  expect((await host.sh(`systemctl is-active ${UNIT}.service`)).stdout.trim()).toBe('inactive');
  const series = await scraped('a sample', isUp);
  expect(figure(series, 'libvirt_domains')).toBe(2);
});

test('a member of the group libvirt may tune, and another user gets an error with the reason', {
  timeout: TIMEOUT_MS,
}, async () => {
  await host.must(
    'useradd -m -G libvirt operator1 && useradd -m guest1 && echo 0 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages',
  );
  const as = (user: string, ...args: readonly string[]) =>
    host.sh(`runuser -u ${user} -- /usr/bin/virtune ${args.join(' ')}`);
  const apply = ['tune', 'apply', web.name, '--profile', 'balanced', '--no-host', '--yes'];
  const denied = await as('guest1', ...apply);
  expect(denied.stderr).toMatch(/\[LIBVIRT_\w+\]$/m);
  expect(denied.status).toBe(77);
  const allowed = await as('operator1', ...apply);
  expect(allowed.status, `${allowed.stdout}${allowed.stderr}`).toBe(0);
  expect((await as('operator1', 'tune', 'rollback', '--yes')).status).toBe(0);
  // polkit is not asked: the read-only socket is open to all.
  expect((await as('guest1', 'tune', 'plan', web.name, '--profile', 'balanced')).status).toBe(0);
});
