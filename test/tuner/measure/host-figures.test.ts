import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connect } from '../../../libvirt/client/connect.ts';
import { DomainState } from '../../../libvirt/constants.ts';
import { catalogue, documentGroups } from '../../../model/catalogue/catalogue.ts';
import type { Outcome } from '../../../sampler/host-sample.ts';
import { Sampler } from '../../../sampler/sampler.ts';
import { type Demo, startDemo } from '../../../simulator/demo.ts';
import { HOST_FIGURES, keyOf, runningOthers, STEAL, sampleOf } from '../../../tuner/measure/host-figures.ts';
import { OthersUsage } from '../../../tuner/measure/others-usage.ts';

let demo: Demo;
let sampler: Sampler;
beforeAll(async () => {
  demo = await startDemo({ scenario: 'untuned' });
  sampler = new Sampler({
    open: (signal) => connect(demo.uri, { readOnly: true, signal }),
    groups: new Set(['domain', 'vcpu', 'block', 'cpu']),
  });
});
afterAll(async () => {
  await sampler.close();
  await demo.stop();
});

test('every figure has a name of the catalogue', () => {
  const names = [...catalogue, ...documentGroups.flatMap(({ metrics }) => metrics)].map(({ name }) => name);
  for (const { name } of HOST_FIGURES) expect(names).toContain(name);
});

test('a running VM has all of them as counters, and one that is off or gone does not run', async () => {
  const sample = await sampler.sample();
  const of = (name: string) => sample.domains.find(({ domain }) => domain.name === name)?.domain;
  const [database, off] = [of('pg-orders'), of('template-debian')];
  const gone = '00000000-0000-4000-8000-000000000000';
  const readings = sampleOf(sample, [database?.uuid ?? '', off?.uuid ?? '', gone]);
  for (const figure of HOST_FIGURES) {
    const reading = readings.get(keyOf(database?.uuid ?? '', figure));
    expect(reading, figure.name).toMatchObject({ run: database?.id, value: expect.any(Number) });
    if (figure.kind === 'quotient') expect(reading?.per, figure.name).toBeGreaterThan(0);
    expect(readings.get(keyOf(off?.uuid ?? '', figure))).toMatchObject({ run: undefined, value: undefined });
    expect(readings.get(keyOf(gone, figure))).toMatchObject({ run: undefined, value: undefined });
  }
});

test('a VM that does not answer still runs: its figures are absent, with the reason', async () => {
  const sample = await sampler.sample();
  const uuid = sample.domains.find(({ domain }) => domain.name === 'pg-orders')?.domain.uuid ?? '';
  const readingWith = (outcome: Outcome) => {
    const domains = sample.domains.map((each) => (each.domain.uuid === uuid ? { ...each, outcome } : each));
    return sampleOf({ ...sample, domains }, [uuid]).get(`${uuid} ${STEAL}`);
  };
  const run = expect.any(Number);
  expect(readingWith({ kind: 'unresponsive', sinceMs: 1 })).toEqual({
    run,
    value: undefined,
    missing: 'the VM does not answer',
  });
  expect(readingWith({ kind: 'late' })).toMatchObject({
    run,
    missing: 'libvirt did not answer for the VM in time',
  });
  expect(readingWith({ kind: 'error', error: new Error('busy') })).toMatchObject({
    run,
    missing: 'libvirt reported an error for the VM: busy',
  });
});

test('other VMs are those that run: none that is off or paused, and not the VM itself', async () => {
  const sample = await sampler.sample();
  const domains = sample.domains.map((each) =>
    each.domain.name === 'web-01'
      ? { ...each, summary: { ...each.summary, state: DomainState.paused } }
      : each,
  );
  const own = domains.find(({ domain }) => domain.name === 'pg-orders')?.domain;
  if (own === undefined) throw new Error('no such VM');
  const names = runningOthers({ ...sample, domains }, own).map(({ name }) => name);
  expect(names).toContain('web-02');
  for (const name of ['pg-orders', 'template-debian', 'web-01']) expect(names).not.toContain(name);
});

test('the CPU usage of the other VMs leaves out the VM itself, and is absent in the first sample', async () => {
  const first = await sampler.sample();
  const own = first.domains.find(({ domain }) => domain.name === 'pg-orders')?.domain.uuid ?? '';
  const others = new OthersUsage(own);
  const all = new OthersUsage('none');
  expect(others.next(first)).toBeUndefined();
  all.next(first);
  await vi.waitFor(async () => {
    const next = await sampler.sample();
    const [without, together] = [others.next(next) ?? 0, all.next(next) ?? 0];
    expect(without).toBeGreaterThan(0);
    expect(together).toBeGreaterThan(without);
  });
});
