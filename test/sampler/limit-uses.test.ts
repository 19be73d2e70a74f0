import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
import { limitUse } from '../../model/limit-use.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { DomainSample, Outcome } from '../../sampler/host-sample.ts';
import { LimitUses } from '../../sampler/limit-uses.ts';
import { DOMAIN } from './fake-connection.ts';

const FACTS = parseDomain(`<domain><devices>
  <disk><target dev='vda'/><iotune><total_bytes_sec>1000</total_bytes_sec><read_iops_sec>10</read_iops_sec></iotune></disk>
  <disk><target dev='vdb'/><iotune><write_iops_sec>0</write_iops_sec></iotune></disk></devices></domain>`);
const count = (field: string, value: number) => ({ field: `block.0.${field}`, type: 4 as const, value });

function sample(atMs: number, bytes: number, requests: number, id = DOMAIN.id): DomainSample {
  const stats = readDomainStats([
    { field: 'block.0.name', type: 7, value: 'vda' },
    count('rd.bytes', bytes),
    count('wr.bytes', 0),
    count('rd.reqs', requests),
  ]);
  return of({ kind: 'fresh', stats, atMs }, id);
}

function of(outcome: Outcome, id = DOMAIN.id): DomainSample {
  const summary = {
    uuid: DOMAIN.uuid,
    state: 1,
    reason: 1,
    maximumKiB: undefined,
    memoryKiB: undefined,
    vcpus: undefined,
    cpuTimeNs: undefined,
    userNs: undefined,
    systemNs: undefined,
    marks: undefined,
  };
  return { domain: { ...DOMAIN, id }, summary, facts: FACTS, outcome, lastFreshAtMs: undefined };
}

const use = (uses: LimitUses, ...samples: DomainSample[]) => uses.complete(samples)[0]?.limitUses?.get('vda');

test('the use of each limit is reported from the second sample on, for disks that have limits', () => {
  const uses = new LimitUses();
  expect(uses.complete([sample(0, 500, 5)])[0]?.limitUses).toBeUndefined();
  const [second] = uses.complete([sample(10_000, 5_500, 205)]);
  expect([...(second?.limitUses?.keys() ?? [])]).toEqual(['vda']);
  expect(second?.limitUses?.get('vda')).toEqual(
    new Map([
      ['total_bytes', 0.5],
      ['read_requests', 2],
    ]),
  );
});

test('two scrapers, one right after the other, get the same figures', () => {
  const uses = new LimitUses();
  use(uses, sample(0, 0, 0));
  const first = use(uses, sample(10_000, 5_000, 0));
  expect(use(uses, sample(10_400, 5_000, 0))).toEqual(first);
  expect(use(uses, sample(20_000, 5_000, 0))?.get('total_bytes')).toBe(0);
});

test('a restart, a counter that fell and a domain that does not answer give no figure', () => {
  const uses = new LimitUses();
  use(uses, sample(0, 9_000, 90));
  expect(use(uses, sample(10_000, 10, 100))).toEqual(new Map([['read_requests', 0.1]]));
  expect(use(uses, of({ kind: 'unresponsive', sinceMs: 0 }))).toBeUndefined();
  // Averaged over the time in which it did not answer.
  expect(use(uses, sample(30_000, 10_010, 100))?.get('total_bytes')).toBe(0.5);
  expect(use(uses, sample(40_000, 99_999, 999, DOMAIN.id + 1))).toBeUndefined();
});

/** A VM with these disks in a group that is limited to 1,000 requests per second in total. */
function group(targets: readonly string[]) {
  const limits = '<iotune><total_iops_sec>1000</total_iops_sec><group_name>db</group_name></iotune>';
  const disks = targets.map((target) => `<disk><target dev='${target}'/>${limits}</disk>`);
  return parseDomain(`<domain><devices>${disks.join('')}</devices></domain>`);
}

function groupSample(atMs: number, requests: Readonly<Record<string, number>>, inGroup: readonly string[]) {
  const stats = readDomainStats(
    Object.entries(requests).flatMap(([target, value], index) => [
      { field: `block.${index}.name`, type: 7 as const, value: target },
      { field: `block.${index}.rd.reqs`, type: 4 as const, value },
      { field: `block.${index}.wr.reqs`, type: 4 as const, value: 0 },
    ]),
  );
  return { ...of({ kind: 'fresh', stats, atMs }), facts: group(inGroup) };
}

test('disks of a group use its limits together, and each has the share of all', () => {
  const uses = new LimitUses();
  const both = ['vda', 'vdb'];
  const sharesAt = (atMs: number, requests: Readonly<Record<string, number>>, inGroup = both) => {
    const [completed] = uses.complete([groupSample(atMs, requests, inGroup)]);
    return Object.fromEntries(
      [...(completed?.limitUses ?? [])].map(([target, shares]) => [target, shares.get('total_requests')]),
    );
  };
  expect(sharesAt(0, { vda: 0, vdb: 7_000 })).toEqual({});
  expect(sharesAt(10_000, { vda: 5_000, vdb: 12_000 })).toEqual({ vda: 1, vdb: 1 });
  // The requests of a disk that has joined or left the group are unknown.
  const three = [...both, 'vdc'];
  expect(sharesAt(20_000, { vda: 5_000, vdb: 12_000, vdc: 900_000 }, three)).toEqual({});
  expect(sharesAt(30_000, { vda: 5_000, vdb: 12_000, vdc: 905_000 }, three)).toEqual({
    vda: 0.5,
    vdb: 0.5,
    vdc: 0.5,
  });
  expect(sharesAt(40_000, { vda: 9_000, vdb: 12_000 })).toEqual({});
  expect(sharesAt(50_000, { vda: 11_000, vdb: 12_000 })).toEqual({ vda: 0.2, vdb: 0.2 });
  // The group's total is unknown as well without figures of one of its disks.
  expect(sharesAt(60_000, { vda: 13_000 })).toEqual({});
});

/** Throttle groups of a domain, with 500 and 2,000 requests per second. */
const THROTTLE_GROUPS = Object.entries({ own: 500, tenant: 2_000 })
  .map(
    ([name, limit]) =>
      `<throttlegroup><group_name>${name}</group_name><total_iops_sec>${limit}</total_iops_sec></throttlegroup>`,
  )
  .join('');

/** Shares of disks with these throttle groups, after each of these counts of requests, 10 s apart. */
function throttled(
  steps: readonly (readonly [
    requests: Readonly<Record<string, number>>,
    groups: Readonly<Record<string, readonly string[]>>,
  ])[],
) {
  const uses = new LimitUses();
  return steps.map(([requests, groups], index) => {
    const disks = Object.entries(groups).map(([target, names]) => {
      const filters = names.map((name) => `<throttlefilter group='${name}'/>`).join('');
      return `<disk><target dev='${target}'/><throttlefilters>${filters}</throttlefilters></disk>`;
    });
    const facts = parseDomain(
      `<domain><throttlegroups>${THROTTLE_GROUPS}</throttlegroups><devices>${disks.join('')}</devices></domain>`,
    );
    const [completed] = uses.complete([{ ...groupSample(index * 10_000, requests, []), facts }]);
    return Object.fromEntries(
      [...(completed?.limitUses ?? [])].map(([target, shares]) => [target, shares.get('total_requests')]),
    );
  });
}

test('disks behind the same throttle group use its limits together', () => {
  const groups = { vda: ['own'], vdb: ['own'] };
  expect(
    throttled([
      [{ vda: 0, vdb: 0 }, groups],
      [{ vda: 2_500, vdb: 2_500 }, groups],
    ]),
  ).toEqual([{}, { vda: 1, vdb: 1 }]);
});

test('of several throttle groups the one that is used most holds a disk, whatever other disks do behind it', () => {
  const groups = { vda: ['own', 'tenant'], vdb: ['tenant'], vdc: ['none'] };
  const joined = { ...groups, vdc: ['tenant'] };
  expect(
    throttled([
      [{ vda: 0, vdb: 0, vdc: 0 }, groups],
      [{ vda: 4_000, vdb: 16_000, vdc: 9_000 }, groups],
      [{ vda: 8_000, vdb: 17_000, vdc: 9_000 }, groups],
      // The earlier requests of a disk that joins are unknown, and so is whether the group is the limit.
      [{ vda: 12_000, vdb: 18_000, vdc: 9_000 }, joined],
      [{ vda: 16_000, vdb: 19_000, vdc: 24_000 }, joined],
    ]),
  ).toEqual([{}, { vda: 1, vdb: 1 }, { vda: 0.8, vdb: 0.25 }, {}, { vda: 1, vdb: 1, vdc: 1 }]);
});

test('a group with a disk that was plugged between two scrapers has shares again over the time since then', () => {
  const uses = new LimitUses();
  const read = (second: number, targets: readonly string[]) =>
    uses
      .complete([
        groupSample(second * 1_000, Object.fromEntries(targets.map((each) => [each, second * 100])), targets),
      ])[0]
      ?.limitUses?.get('vda')
      ?.get('total_requests');
  const shares = Array.from({ length: 20 }, (_, second) =>
    read(second, second < 7 ? ['vda'] : ['vda', 'vdb']),
  );
  expect([shares[5], shares[6], shares[7], shares[11], shares[12], shares[19]]).toEqual([
    0.1,
    0.1,
    undefined,
    undefined,
    0.2,
    0.2,
  ]);
});

test('a request that is larger than the size which counts as one is as many as that takes', () => {
  const of1MiB = { readBytes: 0, readRequests: 0, writeBytes: 100 * 1_048_576, writeRequests: 100 };
  const of4KiB = { ...of1MiB, writeBytes: 100 * 4_096 };
  const none = { readBytes: 0, readRequests: 0, writeBytes: 0, writeRequests: 0 };
  const limits = new Map([
    ['write_iops_sec', 1_600],
    ['write_bytes_sec', 1_048_576],
    ['size_iops_sec', 65_536],
  ]);
  const shares = (now: typeof none) => Object.fromEntries(limitUse(limits, [{ before: none, now }], 1_000));
  expect(shares(of1MiB)).toEqual({ write_requests: 1, write_bytes: 100 });
  expect(shares(of4KiB)).toEqual({ write_requests: 100 / 1_600, write_bytes: 0.390_625 });
});
