import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TypedParam } from '../../libvirt/typed-params.ts';
import { type GroupName, groups } from '../../model/catalogue/catalogue.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { DomainSample, Outcome } from '../../sampler/host-sample.ts';
import { find, parseExposition, type Series } from '../exposition.ts';
import { sampleText } from './sample-text.ts';

const UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f';
/** Groups of figures from a domain's QEMU or its driver, each with a reason when they are missing. */
const WITH_REASON = [
  'balloon',
  'vcpu',
  'block',
  'interface',
  'iothread',
  'perf',
  'resctrl',
  'cpu',
  'kvm',
  'dirtyrate',
] as const satisfies readonly GroupName[];

/** Fields as named by libvirt 9.0 to 12.9: some of every group, by kind of value. */
const FIELDS: readonly (readonly [field: string, kind: 'number' | 'name' | 'type'])[] = [
  ['balloon.current', 'number'],
  ['balloon.rss', 'number'],
  ['balloon.unused', 'number'],
  ['balloon.available', 'number'],
  ['balloon.hugetlb_pgfail', 'number'],
  ['balloon.last-update', 'number'],
  ['vcpu.current', 'number'],
  ['vcpu.0.state', 'number'],
  ['vcpu.0.time', 'number'],
  ['vcpu.0.wait', 'number'],
  ['vcpu.3.delay', 'number'],
  ['vcpu.3.exits.sum', 'number'],
  ['vm.remote_tlb_flush.sum', 'number'],
  ['block.0.name', 'name'],
  ['block.0.backingIndex', 'number'],
  ['block.0.rd.reqs', 'number'],
  ['block.1.name', 'name'],
  ['block.1.capacity', 'number'],
  ['net.0.name', 'name'],
  ['net.0.rx.bytes', 'number'],
  ['iothread.1.poll-max-ns', 'number'],
  ['perf.instructions', 'number'],
  ['perf.cmt', 'number'],
  ['cpu.time', 'number'],
  ['cpu.haltpoll.success.time', 'number'],
  ['dirtyrate.calc_status', 'number'],
  ['dirtyrate.megabytes_per_second', 'number'],
  ['dirtyrate.calc_period', 'number'],
  ['cpu.cache.monitor.0.name', 'name'],
  ['cpu.cache.monitor.0.bank.0.bytes', 'number'],
  ['memory.bandwidth.monitor.0.node.0.bytes.total', 'number'],
];

const param = fc
  .constantFrom(...FIELDS)
  .chain(([field, kind]) =>
    (kind === 'name' ? fc.constantFrom('vda', 'vnet0') : fc.nat({ max: 5 })).map(
      (value): TypedParam => ({ field, type: kind === 'name' ? 7 : 4, value }),
    ),
  );

const xml = fc
  .record({
    balloon: fc.constantFrom(
      '',
      "<memballoon model='none'/>",
      "<memballoon model='virtio'/>",
      "<memballoon model='virtio'><stats period='5'/></memballoon>",
    ),
    disk: fc.constantFrom('', "<disk><target dev='vda'/></disk>"),
    nic: fc.constantFrom('', "<interface type='bridge'><target dev='vnet0'/></interface>"),
    threads: fc.constantFrom('', '<iothreads>1</iothreads>'),
    perf: fc.constantFrom('', "<perf><event name='instructions' enabled='yes'/></perf>"),
  })
  .map(
    ({ balloon, disk, nic, threads, perf }) =>
      `<domain>${threads}${perf}<devices>${disk}${nic}${balloon}</devices></domain>`,
  );

const outcomeKinds = ['fresh', 'unresponsive', 'late', 'error'] as const;

function outcomeOf(kind: Outcome['kind'], params: readonly TypedParam[]): Outcome {
  if (kind === 'fresh') return { kind, stats: readDomainStats(params), atMs: 1 };
  if (kind === 'unresponsive') return { kind, sinceMs: 1 };
  return kind === 'late' ? { kind } : { kind: 'error', error: new Error('x') };
}

const sample = fc
  .record({
    id: fc.constantFrom(-1, 1),
    state: fc.nat({ max: 7 }),
    kind: fc.constantFrom(...outcomeKinds),
    params: fc.array(param, { maxLength: 30 }),
    facts: fc.option(xml, { nil: undefined }),
  })
  .map(
    ({ id, state, kind, params, facts }): DomainSample => ({
      domain: { name: 'vm', uuid: UUID, id },
      summary: {
        uuid: UUID,
        state,
        reason: 1,
        maximumKiB: 1,
        memoryKiB: 1,
        vcpus: 1,
        cpuTimeNs: 1,
        userNs: 1,
        systemNs: 1,
        marks: undefined,
      },
      facts: facts === undefined ? undefined : parseDomain(facts),
      outcome: outcomeOf(kind, params),
      lastFreshAtMs: 1,
    }),
  );

function exported(domain: DomainSample, enabled: ReadonlySet<GroupName>): Series[] {
  const host = { startedAtMs: 1, durationMs: 1, domains: [domain], versions: undefined };
  return parseExposition(sampleText(host, 'text', enabled));
}

const seriesNames = (name: GroupName): string[] =>
  groups
    .filter((group) => group.name === name)
    .flatMap((group) => group.metrics.map((metric) => metric.name));

test('a group with a series is not missing, and one without is, once, where the domain has anything to report in it', () => {
  fc.assert(
    fc.property(sample, fc.subarray([...WITH_REASON]), (domain, names) => {
      const series = exported(domain, new Set<GroupName>(['events', ...names]));
      for (const name of WITH_REASON) {
        const has = seriesNames(name).some((metric) => find(series, metric).length > 0);
        const missing = find(series, 'virtune_domain_missing', { group: name });
        const context = `${name}: ${JSON.stringify(missing)}`;
        if (!names.includes(name)) expect(missing, context).toEqual([]);
        else if (has) expect(missing, context).toEqual([]);
        else if (applies(name, domain)) expect(missing, context).toHaveLength(1);
        else expect(missing.length, context).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Whether the domain's XML is known to contain what the group is about. */
function applies(name: (typeof WITH_REASON)[number], { facts, outcome }: DomainSample): boolean {
  const always = ['balloon', 'vcpu', 'cpu', 'kvm', 'dirtyrate'].includes(name);
  if (always) return true;
  if (facts === undefined) return outcome.kind !== 'fresh';
  if (name === 'block') return facts.disks.length > 0;
  if (name === 'interface') return facts.interfaces.length > 0;
  if (name === 'iothread') return facts.cpu.ioThreads.length > 0;
  return name === 'perf' && facts.perfEvents.length > 0;
}
