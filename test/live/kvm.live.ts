import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { find, type Series } from '../exposition.ts';
import { VirtuneProcess } from '../virtune-process.ts';
import { PREFIX } from './lab/paths.ts';
import { run, succeeds, until } from './lab/run.ts';
import { domstats, virsh } from './lab/virsh.ts';

/** A real KVM guest without anything to boot: it exits, halts and reads its disk, which is all that is counted. */
const GUEST = `${PREFIX}kvm`;
const FILE = `/tmp/${PREFIX}kvm`;

function canUseKvm(): boolean {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return true;
  } catch (error) {
    console.warn(`no KVM on this machine, so its counters are not compared: ${error}`);
    return false;
  }
}

const kvmTest = test.runIf(canUseKvm());

let virtune: VirtuneProcess | undefined;
beforeAll(async () => {
  if (!canUseKvm()) return;
  run('truncate', ['-s', '1M', `${FILE}.img`]);
  writeFileSync(
    `${FILE}.xml`,
    `<domain type='kvm'><name>${GUEST}</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
     <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
       <disk type='file' device='disk'><driver name='qemu' type='raw'>
         <statistics><latency-histogram><bin start='0'/><bin start='100000'/><bin start='1000000'/><bin start='10000000'/>
         </latency-histogram></statistics></driver>
         <source file='${FILE}.img'/><target dev='vda' bus='virtio'/></disk>
     </devices></domain>`,
  );
  virsh('create', `${FILE}.xml`);
  virtune = new VirtuneProcess('exporter', '--listen', '127.0.0.1:0', '--collect.kvm', '--collect.cpu');
  await virtune.url();
  await until('the guest to exit to KVM, and its firmware to read the disk', 60_000, () => {
    const stats = domstats(GUEST);
    return Number(stats.get('vcpu.0.exits.sum')) > 100 && Number(stats.get('block.0.rd.reqs')) > 0;
  });
});
afterAll(async () => {
  await virtune?.stop();
  succeeds('virsh', ['destroy', GUEST]);
  for (const end of ['img', 'xml']) rmSync(`${FILE}.${end}`, { force: true });
});

const scrape = async (): Promise<Series[]> => (await virtune?.scrape()) ?? [];

/** KVM statistics of a vCPU or the VM, as virsh prints them: name to value. Their names end with their kind. */
function kvmStats(prefix: string, kind: string): Map<string, number> {
  const found = [...domstats(GUEST)].filter(
    ([name, value]) => name.startsWith(prefix) && name.endsWith(`.${kind}`) && /^\d+$/.test(value),
  );
  return new Map(found.map(([name, value]) => [name.slice(prefix.length, -kind.length - 1), Number(value)]));
}

const ours = (series: readonly Series[], name: string, labels: Record<string, string>) =>
  new Map(
    find(series, name, { domain: GUEST, ...labels }).map((each) => [each.labels['stat'] ?? '', each.value]),
  );

kvmTest('each counter that KVM keeps of a vCPU or of the VM is exported under its name', async () => {
  for (const [prefix, name, labels] of [
    ['vcpu.0.', 'libvirt_domain_kvm_vcpu_total', { vcpu: '0' }],
    ['vcpu.1.', 'libvirt_domain_kvm_vcpu_total', { vcpu: '1' }],
    ['vm.', 'libvirt_domain_kvm_vm_total', {}],
  ] as const) {
    const before = kvmStats(prefix, 'sum');
    const exported = ours(await scrape(), name, labels);
    const after = kvmStats(prefix, 'sum');
    expect(before.size).toBeGreaterThan(5);
    expect([...exported.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [stat, value] of exported) {
      expect([stat, value >= (before.get(stat) ?? 0), value <= (after.get(stat) ?? 0)]).toEqual([
        stat,
        true,
        true,
      ]);
    }
  }
});

kvmTest('gauges and peaks of the VM are the figures of virsh too', async () => {
  const series = await scrape();
  for (const [kind, name] of [
    ['cur', 'libvirt_domain_kvm_vm_current'],
    ['max', 'libvirt_domain_kvm_vm_peak'],
  ] as const) {
    const wanted = kvmStats('vm.', kind);
    expect(wanted.size).toBeGreaterThan(0);
    expect([...ours(series, name, {}).keys()].sort()).toEqual([...wanted.keys()].sort());
  }
});

kvmTest("exits lie between two readings of QEMU's own query-stats", async () => {
  const exits = (): number => {
    const text = virsh(
      'qemu-monitor-command',
      GUEST,
      '{"execute":"query-stats","arguments":{"target":"vcpu","providers":[{"provider":"kvm","names":["exits"]}]}}',
    );
    const { return: vcpus } = JSON.parse(text) as { return: { stats: { name: string; value: number }[] }[] };
    return vcpus.flatMap(({ stats }) => stats).reduce((sum, { value }) => sum + value, 0);
  };
  const before = exits();
  const series = await scrape();
  const after = exits();
  const sum = find(series, 'libvirt_domain_kvm_vcpu_total', { domain: GUEST, stat: 'exits' }).reduce(
    (all, { value }) => all + value,
    0,
  );
  expect(before).toBeGreaterThan(0);
  expect(sum).toBeGreaterThanOrEqual(before);
  expect(sum).toBeLessThanOrEqual(after);
});

kvmTest(
  'halt polling is what virsh domstats reads, and absent where libvirt does not report it',
  async () => {
    const read = (what: string): number | undefined => {
      const ns = domstats(GUEST).get(`cpu.haltpoll.${what}.time`);
      return ns === undefined ? undefined : Number(ns) / 1e9;
    };
    for (const what of ['success', 'fail']) {
      const before = read(what);
      const [found] = find(await scrape(), `libvirt_domain_halt_poll_${what}_seconds_total`, {
        domain: GUEST,
      });
      const after = read(what);
      if (before === undefined) expect(found).toBeUndefined();
      else {
        expect(found?.value).toBeGreaterThanOrEqual(before);
        expect(found?.value).toBeLessThanOrEqual(after ?? 0);
      }
    }
  },
);

kvmTest(
  "the bins of read latency are those of QEMU's query-blockstats, where libvirt reports them",
  async () => {
    const counts = (text: string): number[] => {
      const { return: disks } = JSON.parse(text) as {
        return: { stats: { rd_latency_histogram?: { bins: number[] } } }[];
      };
      return disks[0]?.stats.rd_latency_histogram?.bins ?? [];
    };
    // Its firmware has given up on the disk: the counts no longer change.
    const bins = counts(virsh('qemu-monitor-command', GUEST, '{"execute":"query-blockstats"}'));
    const found = find(await scrape(), 'libvirt_domain_block_stats_latency_seconds_bucket', {
      domain: GUEST,
      operation: 'read',
    });
    if (bins.length === 0) {
      // Before libvirt 12.1 the XML has no element to request them.
      expect(found).toEqual([]);
      return;
    }
    let sum = 0;
    const cumulative = bins.map((count) => (sum += count));
    expect(found.map(({ value }) => value)).toEqual(cumulative);
    expect(sum).toBe(Number(domstats(GUEST).get('block.0.rd.reqs')));
  },
);

kvmTest(
  'a hardware event counts where the machine has a PMU, and is refused by libvirt where not',
  async () => {
    if (!succeeds('virsh', ['perf', GUEST, '--enable', 'cpu_cycles', '--live'])) {
      console.warn('no PMU on this machine, so hardware events are not compared');
      expect(find(await scrape(), 'libvirt_domain_perf_events_total', { domain: GUEST })).toEqual([]);
      return;
    }
    const read = (): number => Number(domstats(GUEST).get('perf.cpu_cycles'));
    const labels = { domain: GUEST, event: 'cpu_cycles' };
    virsh('suspend', GUEST);
    virsh('resume', GUEST);
    await until('the event to be collected', 20_000, async () => {
      return find(await scrape(), 'libvirt_domain_perf_events_total', labels).length > 0;
    });
    const before = read();
    const [found] = find(await scrape(), 'libvirt_domain_perf_events_total', labels);
    expect(found?.value).toBeGreaterThanOrEqual(before);
    expect(found?.value).toBeLessThanOrEqual(read());
  },
);
