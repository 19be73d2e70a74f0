import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
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
  // Over the time in which it did not answer.
  expect(use(uses, sample(30_000, 10_010, 100))?.get('total_bytes')).toBe(0.5);
  expect(use(uses, sample(40_000, 99_999, 999, DOMAIN.id + 1))).toBeUndefined();
});
