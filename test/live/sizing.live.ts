import { afterAll, beforeAll, expect, test } from 'vitest';
import { runVirtune } from '../virtune-process.ts';
import { type RecordedPrometheus, type RecordedSeries, startRecorded } from './stack/recorded-fleet.ts';

const GIB = 1024 ** 3;
const DAY = 86_400;
const DAYS = 8;
const HOSTILE = '--help"} or vector(1) #\u202e';
const now = Math.floor(Date.now() / 300_000) * 300;
const start = now - DAYS * DAY;

interface Vm {
  readonly name: string;
  readonly vcpus?: number;
  readonly gib?: number;
  /** By seconds since 1970. */
  readonly cpus: (seconds: number) => number;
  readonly steal?: number;
  readonly usedGib?: (seconds: number) => number;
  readonly swapsIn?: (seconds: number) => boolean;
  /** Its guest no longer reports its memory. */
  readonly isStill?: boolean;
  readonly uuid?: (seconds: number) => string;
  readonly resizedAt?: number;
}

const always =
  (value: number) =>
  (_: number): number =>
    value;
const isOffice = (seconds: number): boolean => {
  const hour = Math.floor(seconds / 3_600) % 24;
  return hour >= 8 && hour < 18;
};

const VMS: readonly Vm[] = [
  { name: 'fits', cpus: (seconds) => (isOffice(seconds) ? 6 : 1), usedGib: always(13) },
  // One burst of an hour, three days ago.
  {
    name: 'idle',
    cpus: (at) => (at > now - 3 * DAY && at < now - 3 * DAY + 3_600 ? 2.5 : 0.2),
    usedGib: always(3),
  },
  { name: 'busy', cpus: always(7.8), usedGib: always(13) },
  { name: 'waits', cpus: always(7.8), steal: 1.5, usedGib: always(13) },
  { name: 'swaps', cpus: always(6), usedGib: always(14), swapsIn: isOffice },
  { name: 'still', cpus: always(6), usedGib: always(1), isStill: true },
  { name: 'silent', cpus: always(6) },
  { name: 'resized', cpus: always(0.2), usedGib: always(1), resizedAt: now - DAY },
  { name: 'again', cpus: always(0.2), usedGib: always(1), uuid: (at) => uuidOf(at > now - DAY ? 98 : 99) },
  { name: HOSTILE, cpus: always(1), usedGib: always(13) },
  // It swaps in what was swapped out earlier, and has enough usable memory.
  { name: 'wakes', cpus: always(6), usedGib: always(11), swapsIn: isOffice },
];
const uuidOf = (id: number): string => `000000${String(id).padStart(2, '0')}-0000-4000-8000-000000000000`;

function vmSeries(vm: Vm, index: number): RecordedSeries[] {
  const { name, vcpus = 8, gib = 16, cpus, steal = 0, usedGib, swapsIn = () => false, isStill = false } = vm;
  const labels = { job: 'virtune', instance: 'kvm1:9177', domain: name };
  const of = (
    series: string,
    at: (seconds: number) => number | undefined,
    more: Readonly<Record<string, string>> = {},
  ): RecordedSeries => ({ name: series, labels: { ...labels, ...more }, at });
  const uuid = vm.uuid ?? (() => uuidOf(index));
  const uuids = [...new Set([uuid(start), uuid(now)])];
  let swapped = 0;
  const memory =
    usedGib === undefined
      ? []
      : [
          of('libvirt_domain_memory_stats_used_bytes', (at) => usedGib(at) * GIB),
          of('libvirt_domain_memory_stats_usable_bytes', (at) => (gib - usedGib(at)) * GIB),
          of('libvirt_domain_memory_stats_available_bytes', () => gib * GIB),
          of('libvirt_domain_memory_stats_disk_caches_bytes', () => GIB),
          of('libvirt_domain_memory_stats_last_update_timestamp_seconds', (at) => (isStill ? start : at)),
          of('libvirt_domain_memory_stats_swap_in_bytes_total', (at) => {
            swapped += swapsIn(at) ? 64 * 1_048_576 : 0;
            return swapped;
          }),
        ];
  return [
    of('domain:virtune_vcpu_time:sum_rate5m', (at) => cpus(at) - steal),
    of('domain:virtune_vcpu_delay:sum_rate5m', () => steal),
    of('libvirt_domain_info_state', () => 1, { state_desc: 'running' }),
    ...uuids.map((each) =>
      of('libvirt_domain_info', (at) => (uuid(at) === each ? 1 : undefined), { uuid: each }),
    ),
    of('libvirt_domain_vcpu_current', (at) => (at < (vm.resizedAt ?? 0) ? vcpus / 2 : vcpus)),
    of('libvirt_domain_vcpu_maximum', () => vcpus),
    of('libvirt_domain_info_maximum_memory_bytes', () => gib * GIB),
    of('libvirt_domain_info_memory_usage_bytes', () => gib * GIB),
    of('libvirt_domain_hugepages', () => 0),
    of('libvirt_domain_numa_cells', () => 0),
    ...memory,
  ];
}

const hostSeries = (instance: string): RecordedSeries[] => {
  const of = (name: string, value: number, more: Readonly<Record<string, string>> = {}): RecordedSeries => ({
    name,
    labels: { job: 'virtune', instance, ...more },
    at: () => value,
  });
  return [
    of('libvirt_host_cpus', 96, { state: 'online' }),
    of('libvirt_host_cpus', 0, { state: 'offline' }),
    of('libvirt_host_memory_bytes', 256 * GIB, { kind: 'total' }),
    of('libvirt_host_memory_available_bytes', 64 * GIB),
  ];
};

let prometheus: RecordedPrometheus;
beforeAll(async () => {
  prometheus = await startRecorded(
    [...hostSeries('kvm1:9177'), ...hostSeries('kvm2:9177'), ...VMS.flatMap(vmSeries)],
    { startSeconds: start, endSeconds: now },
  );
});
afterAll(() => prometheus?.stop());

const advise = (...args: readonly string[]) =>
  runVirtune('advise', '--prometheus', prometheus.url, '--instance', 'kvm1', ...args);

/** A command for that host from this one: by UUID, and with the host's URI. */
const commandFor = (host: string, argv: readonly string[]): string => {
  expect(argv.slice(0, 3)).toEqual(['virsh', '-c', `qemu+ssh://${host}/system`]);
  return argv.slice(3).join(' ');
};

test('a week of a real Prometheus shows which VMs have too much or too little, and what cannot be said', async () => {
  const { code, stdout, stderr } = await advise('--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { host, state, advice, unknown } = JSON.parse(stdout);
  expect({ host, state }).toEqual({ host: 'kvm1:9177', state: 'advice' });
  const found = advice.map(
    ({ kind, title, changes: [first] }: { kind: string; title: string; changes: [{ commands: [] }] }) => ({
      kind,
      title,
      commands: first.commands.map(({ argv }: { argv: string[] }) => commandFor('kvm1', argv)),
    }),
  );
  expect(found).toEqual([
    {
      kind: 'vm-undersized',
      title: 'busy uses all of its 8 vCPUs',
      commands: [`setvcpus ${uuidOf(2)} 9 --maximum --config`, `setvcpus ${uuidOf(2)} 9 --config`],
    },
    {
      kind: 'vm-undersized',
      title: 'swaps lacks memory: it has 16 GiB',
      commands: [`setmaxmem ${uuidOf(4)} 20185088 --config`, `setmem ${uuidOf(4)} 20185088 --config`],
    },
    {
      kind: 'vm-oversized',
      title: `${HOSTILE} has 8 vCPUs, but needs only 2`,
      commands: [`setvcpus ${uuidOf(9)} 2 --config`],
    },
    {
      kind: 'vm-oversized',
      title: 'idle has 8 vCPUs, but needs only 3',
      commands: [`setvcpus ${uuidOf(1)} 3 --config`],
    },
    {
      kind: 'vm-oversized',
      title: 'idle has 16 GiB, but needs only 3.50 GiB',
      commands: [`setmem ${uuidOf(1)} 3670016 --config`, `setmaxmem ${uuidOf(1)} 3670016 --config`],
    },
  ]);
  expect(unknown).toEqual([
    'what VMs need: another VM had its name within the range: again',
    'what VMs need: its size was changed within the range: resized',
    'memory in guests: not recorded: silent',
    'memory in guests: known for less than 90 % of the range: still',
  ]);
});

test('a range of two days is enough to give, and not to take away', async () => {
  const { advice, ask_again_after_seconds } = JSON.parse((await advise('--json', '--range', '2d')).stdout);
  expect(advice.map(({ kind }: { kind: string }) => kind)).toEqual(['vm-undersized', 'vm-undersized']);
  expect(ask_again_after_seconds).toBe(5 * DAY);
});

test('as text it has evidence with its span, only for the VMs that are named, and the page of the kind', async () => {
  const { stdout } = await advise('idle', '--explain', 'vm-oversized');
  expect(stdout).toContain('kvm1:9177: 11 running VMs, 2016 samples in 7d');
  expect(stdout).toMatch(/CPU demand 0\.20 CPUs \(p90 of 2016 samples in 7d\)/);
  expect(stdout).toMatch(/CPU demand 2\.50 CPUs \(maximum of 2016 samples in 7d\)/);
  expect(stdout).toContain('# vm-oversized');
  expect(stdout).not.toContain('busy');
});

test('of several hosts one has to be chosen, and one that is not there is named', async () => {
  const many = await runVirtune('advise', '--prometheus', prometheus.url);
  expect(many.code).toBe(64);
  expect(many.stderr).toContain('choose one host with --instance: kvm1:9177, kvm2:9177');
  const none = await runVirtune('advise', '--prometheus', prometheus.url, '--instance', 'kvm3');
  expect(none.code).toBe(69);
  expect(none.stderr).toContain(
    'with the instance "kvm3" with a job that matches virtune.* within 7d; it has kvm1:9177, kvm2:9177; choose one with --instance',
  );
});
