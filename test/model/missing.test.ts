import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
import { type Asked, missingGroups } from '../../model/missing.ts';
import { readDomainStats } from '../../model/stats/read.ts';

const stats = readDomainStats([
  { field: 'vcpu.0.time', type: 4, value: 1 },
  { field: 'block.0.name', type: 7, value: 'vda' },
  { field: 'block.0.rd.reqs', type: 4, value: 1 },
]);
const balloon = (inside: string): string =>
  `<domain><devices><disk><target dev='vda'/></disk>${inside}</devices></domain>`;
const asked = (over: Partial<Asked> = {}): Asked => ({
  groups: new Set(['balloon', 'vcpu', 'block', 'tuning']),
  active: true,
  state: 1,
  outcome: 'fresh',
  stats,
  facts: parseDomain(balloon("<memballoon model='virtio'/>")),
  ...over,
});
const reasons = (over: Partial<Asked>): Record<string, string> =>
  Object.fromEntries(missingGroups(asked(over)).map(({ group, reason }) => [group, reason]));

test("a guest's memory figures are missing for lack of a period, a device, or a driver", () => {
  expect(reasons({})).toEqual({ balloon: 'no_stats_period' });
  expect(reasons({ facts: parseDomain(balloon("<memballoon model='none'/>")) })).toEqual({
    balloon: 'no_balloon',
  });
  const period = "<memballoon model='virtio'><stats period='5'/></memballoon>";
  const facts = parseDomain(balloon(period));
  const withRss = { ...stats, balloon: { rssKiB: 1 } };
  const stopped = { ...stats, balloon: { rssKiB: 1, lastUpdateSeconds: 1 } };
  expect(reasons({ facts, stats: withRss })).toEqual({ balloon: 'guest_does_not_report' });
  expect(reasons({ facts, stats: stopped })).toEqual({ balloon: 'guest_stopped_reporting' });
});

test('a guest that does not run at the moment reports nothing for that reason', () => {
  const facts = parseDomain(balloon("<memballoon model='virtio'><stats period='5'/></memballoon>"));
  const stopped = { ...stats, balloon: { rssKiB: 1, lastUpdateSeconds: 1 } };
  for (const [state, reason] of [
    [3, 'paused'],
    [6, 'crashed'],
    [7, 'suspended'],
  ] as const) {
    expect(reasons({ facts, stats: stopped, state })).toEqual({ balloon: reason });
  }
  // If preserved after a crash it has a process, and its disks have figures; if not, neither.
  expect(reasons({ facts, stats: readDomainStats([]), state: 6, active: false })).toMatchObject({
    balloon: 'not_running',
    block: 'not_running',
  });
});

test('while another client holds the job, balloon and disks are busy for one reason', () => {
  const facts = parseDomain(balloon("<memballoon model='virtio'><stats period='5'/></memballoon>"));
  // The reply of libvirt 9.0 to NOWAIT for a domain whose job is held.
  const held = readDomainStats([
    { field: 'state.state', type: 1, value: 1 },
    { field: 'balloon.current', type: 4, value: 1_024 },
    { field: 'balloon.maximum', type: 4, value: 1_024 },
    { field: 'vcpu.0.time', type: 4, value: 1 },
    { field: 'block.count', type: 2, value: 1 },
    { field: 'block.0.name', type: 7, value: 'vda' },
    { field: 'block.0.backingIndex', type: 2, value: 1 },
  ]);
  expect(reasons({ facts, stats: held })).toEqual({ balloon: 'busy', block: 'busy' });
  // Also while it is paused: the job is the reason for the missing figures.
  expect(reasons({ facts, stats: held, state: 3 })).toEqual({ balloon: 'busy', block: 'busy' });
});

test('a domain that reports all it was asked for misses nothing', () => {
  const reported = { ...stats, balloon: { unusedKiB: 1 } };
  expect(missingGroups(asked({ stats: reported }))).toEqual([]);
});

test('a domain that did not answer misses every group for the same reason', () => {
  expect(reasons({ outcome: 'unresponsive', stats: undefined })).toEqual({
    balloon: 'unresponsive',
    vcpu: 'unresponsive',
    block: 'unresponsive',
  });
});

test('one that another job holds is busy, one that is shut off does not run', () => {
  const empty = { ...readDomainStats([]), balloon: { unusedKiB: 1 } };
  expect(reasons({ stats: empty })).toEqual({ vcpu: 'not_supported', block: 'busy' });
  expect(reasons({ stats: empty, state: 5, active: false })).toMatchObject({ vcpu: 'not_running' });
  expect(reasons({ outcome: 'late', stats: undefined, active: false })).toMatchObject({
    vcpu: 'not_running',
  });
  expect(reasons({ facts: undefined })).toEqual({ tuning: 'no_xml', balloon: 'no_xml' });
});

test('what a domain does not have is not missing; what it has and did not report is, with the reason', () => {
  const groups = new Set(['interface', 'iothread', 'perf', 'resctrl', 'cpu', 'kvm', 'dirtyrate']);
  expect(reasons({ groups })).toEqual({
    cpu: 'not_supported',
    kvm: 'not_supported',
    dirtyrate: 'not_measured',
  });
  const rich = parseDomain(
    `<domain><iothreads>1</iothreads><perf><event name='instructions' enabled='yes'/></perf>
     <cputune><cachetune vcpus='0'><monitor level='3' vcpus='0'/></cachetune></cputune>
     <devices><interface type='hostdev'/><interface type='bridge'><target dev='vnet0'/></interface></devices></domain>`,
  );
  expect(reasons({ groups, facts: rich })).toMatchObject({
    interface: 'not_supported',
    iothread: 'busy',
    perf: 'not_supported',
    resctrl: 'not_supported',
  });
  const passedThrough = parseDomain("<domain><devices><interface type='hostdev'/></devices></domain>");
  expect(reasons({ groups, facts: passedThrough })).toHaveProperty('interface', 'not_supported');
  const reported = readDomainStats([
    { field: 'vcpu.0.exits.sum', type: 4, value: 1 },
    { field: 'cpu.haltpoll.fail.time', type: 4, value: 0 },
    { field: 'dirtyrate.calc_status', type: 1, value: 2 },
    { field: 'dirtyrate.megabytes_per_second', type: 3, value: 0 },
  ]);
  expect(reasons({ groups, stats: reported })).toEqual({});
});

test('while the XML is unknown, a domain that answers is not reported as missing what it may not have', () => {
  const groups = new Set(['interface', 'iothread', 'block']);
  expect(reasons({ groups, facts: undefined, stats: readDomainStats([]) })).toEqual({ tuning: 'no_xml' });
});

test('halt polling of a VM with KVM is busy while a job holds it, as libvirt leaves it out then', () => {
  const named = readDomainStats([{ field: 'block.0.name', type: 7, value: 'vda' }]);
  const of = (type: string): Record<string, string> =>
    reasons({
      groups: new Set(['cpu']),
      stats: named,
      facts: parseDomain(
        `<domain type='${type}'><devices><disk><target dev='vda'/></disk></devices></domain>`,
      ),
    });
  expect(of('kvm')).toEqual({ cpu: 'busy' });
  expect(of('qemu')).toEqual({ cpu: 'not_supported' });
});

test('a disk that a vhost-user process serves has no counters in QEMU, and is not called busy', () => {
  const facts = parseDomain(
    "<domain><devices><disk type='vhostuser'><source path='/s'/><target dev='vda'/></disk></devices></domain>",
  );
  const named = readDomainStats([{ field: 'block.0.name', type: 7, value: 'vda' }]);
  expect(reasons({ facts, stats: named })).toMatchObject({ block: 'not_supported' });
});

test('metadata that was too large to read is missing for that reason, where it was asked for', () => {
  const facts = { ...asked().facts, isMetadataCut: true } as Asked['facts'];
  const groups = new Set(['metadata']);
  expect(reasons({ facts, groups })).toEqual({ metadata: 'metadata_too_large' });
  expect(reasons({ facts, groups: new Set<string>() })).toEqual({});
  const slow = { ...asked().facts, isMetadataSlow: true } as Asked['facts'];
  expect(reasons({ facts: slow, groups })).toEqual({ metadata: 'metadata_too_slow' });
  expect(reasons({ facts: slow, groups: new Set<string>() })).toEqual({});
  expect(reasons({ groups })).toEqual({});
});

test('a domain that libvirt does not let this user ask for is denied, which is not an error', () => {
  expect(reasons({ outcome: 'denied', stats: undefined })).toMatchObject({ block: 'denied', vcpu: 'denied' });
});

test('disks that vhost-user processes serve say nothing of the monitor', () => {
  const facts = parseDomain(
    "<domain><devices><disk type='vhostuser'><source type='unix' path='/x'/><target dev='vda'/></disk></devices></domain>",
  );
  const named = readDomainStats([{ field: 'block.0.name', type: 7, value: 'vda' }]);
  expect(reasons({ groups: new Set(['block', 'kvm']), facts, stats: named })).toEqual({
    block: 'not_supported',
    kvm: 'not_supported',
  });
});
