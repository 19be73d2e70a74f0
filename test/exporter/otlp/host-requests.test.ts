import { expect, test } from 'vitest';
import { HostRequests } from '../../../exporter/otlp/host-requests.ts';
import { connect } from '../../../libvirt/client/connect.ts';
import { DEFAULT_GROUPS } from '../../../model/catalogue/catalogue.ts';
import type { HostSample } from '../../../sampler/host-sample.ts';
import { Sampler } from '../../../sampler/sampler.ts';
import { startDemo } from '../../../simulator/demo.ts';
import { type DecodedMetric, decodeRequest } from './decode-request.ts';

const AT_MS = 1_700_000_000_000;

async function samples(): Promise<{ sampler: Sampler; samples: HostSample[]; stop(): Promise<void> }> {
  const demo = await startDemo();
  const sampler = new Sampler({ open: (signal) => connect(demo.uri, { readOnly: true, signal }) });
  const taken = [await sampler.sample(), await sampler.sample()];
  return {
    sampler,
    samples: taken,
    stop: async () => {
      await sampler.close();
      await demo.stop();
    },
  };
}

async function countOf(requests: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of requests) count++;
  return count;
}

test('counters of a VM start with it where that is known; events and the host when they were first seen', async () => {
  const { sampler, samples: taken, stop } = await samples();
  const state = { health: sampler.health, inMaintenance: true };
  const requests = new HostRequests({
    groups: DEFAULT_GROUPS,
    version: '1',
    resourceAttributes: {},
    maxBytes: 1_000_000,
  });
  const metrics: DecodedMetric[] = [];
  for (const [index, sample] of taken.entries()) {
    const known = {
      ...sample,
      domains: sample.domains.map((domain, place) =>
        place === 0 ? { ...domain, startedAtMs: AT_MS - 5_000 } : domain,
      ),
    };
    metrics.length = 0;
    for await (const { body } of requests.of(known, state, AT_MS + index * 10_000)) {
      metrics.push(...decodeRequest(body).flatMap((resource) => resource.metrics));
    }
  }
  await stop();
  const first = taken[0]?.domains[0]?.domain.name;
  const startsMs = (name: string, isFirst: boolean): number[] => {
    const points = metrics.filter((metric) => metric.name === name).flatMap((metric) => metric.points);
    const own = points.filter(({ attributes }) => (attributes['domain'] === first) === isFirst);
    expect(own.length, name).toBeGreaterThan(0);
    return [...new Set(own.map(({ startNs }) => Number(startNs / 1_000_000n)))];
  };
  expect(startsMs('libvirt_domain_vcpu_delay_seconds_total', true)).toEqual([AT_MS - 5_000]);
  expect(startsMs('libvirt_domain_vcpu_delay_seconds_total', false)).toEqual([AT_MS]);
  expect(startsMs('libvirt_domain_info_cpu_time_seconds_total', true)).toEqual([AT_MS - 5_000]);
  expect(startsMs('libvirt_host_cpu_seconds_total', false)).toEqual([AT_MS]);
  const maintenance = metrics.find(({ name }) => name === 'virtune_host_maintenance');
  expect(maintenance?.points.map(({ value }) => value)).toEqual([1]);
});

test('nothing is sent of a host that is not known', async () => {
  const { sampler, samples: taken, stop } = await samples();
  const requests = new HostRequests({
    groups: DEFAULT_GROUPS,
    version: '1',
    resourceAttributes: {},
    maxBytes: 1_000_000,
  });
  const state = { health: sampler.health, inMaintenance: false };
  const unknown = { ...(taken[0] as HostSample), identity: undefined };
  expect(await countOf(requests.of(unknown, state, AT_MS))).toBe(0);
  expect(await countOf(requests.ofFailure(state, AT_MS, undefined))).toBe(0);
  expect(await countOf(requests.ofFailure(state, AT_MS, taken[1]?.identity))).toBe(1);
  await stop();
});
