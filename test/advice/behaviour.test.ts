import { expect, test } from 'vitest';
import { isBatch, isDatabase } from '../../advice/behaviour.ts';
import type { ObservedVm } from '../../advice/observation.ts';
import { Series } from '../../advice/series.ts';
import { every, type MadeVm, vmOf } from './made-host.ts';

const disk = (requests: number, flushes: number | Series, bytes = 8_192) => ({
  requests: every(requests),
  flushes: typeof flushes === 'number' ? every(flushes) : flushes,
  bytes: every(requests * bytes),
});
const withDisk = (made: MadeVm, ...figures: Parameters<typeof disk>): ObservedVm =>
  ({ ...vmOf('a', made), disks: new Map([['vda', disk(...figures)]]) }) as unknown as ObservedVm;
const BUSY: MadeVm = { places: [{ vcpus: 2, run: 1 }] };

test('a database flushes often, with many small requests', () => {
  const of = (...figures: Parameters<typeof disk>) => isDatabase(withDisk(BUSY, ...figures));
  expect(of(100, 20, 65_536)).toBe(true);
  expect(of(99, 20)).toBe(false);
  expect(of(100, 19)).toBe(false);
  expect(of(100, 20, 65_537)).toBe(false);
  expect(isDatabase(vmOf('no disk', BUSY))).toBe(false);
});

test('a VM that computes, and neither commits nor serves, is one that no other waits for', () => {
  const of = (run: number, more: Partial<MadeVm> = {}) =>
    isBatch(vmOf('a', { places: [{ vcpus: 2, run }], ...more }));
  expect(of(0.21)).toBe(true);
  expect(of(0.19)).toBe(false);
  expect(of(2, { memory: { hugepages: {} } })).toBe(false);
  expect(isBatch(vmOf('pinned', { places: [{ vcpus: 1, pins: '3', run: 1 }] }))).toBe(false);
  expect(isBatch(vmOf('no vCPUs', { places: [] }))).toBe(false);
});

test('a commit now and then, which most samples do not show, is one that a user waits for', () => {
  const of = (requests: number, flushes: number | Series) => isBatch(withDisk(BUSY, requests, flushes));
  expect(of(0, 0.3)).toBe(true);
  expect(of(0, 0.31)).toBe(false);
  // Three percent of many requests.
  expect(of(1_000, 30)).toBe(true);
  expect(of(1_000, 31)).toBe(false);
  expect(of(0, Series.of([0, 0, 0, 0, 0, 0, 0, 4]))).toBe(false);
});

test('a VM with the packets of a server is not a batch VM', () => {
  const of = (packets: number) =>
    isBatch({ ...vmOf('a', BUSY), nics: new Map([['net0', { packets: every(packets), drops: every(0) }]]) });
  expect(of(2_999)).toBe(true);
  expect(of(3_000)).toBe(false);
});

test('a VM whose requests, flushes or packets are in no figure may be one that others wait for', () => {
  const of = (facts: object, figures: Partial<ObservedVm> = {}) => {
    const vm = vmOf('a', BUSY);
    return isBatch({ ...vm, facts: { ...vm.facts, ...facts }, ...figures } as unknown as ObservedVm);
  };
  const none = new Series();
  const vda = { target: 'vda', device: 'disk' };
  const disks = (figures: object) =>
    of({ disks: [vda] }, { disks: new Map([['vda', figures]]) as unknown as ObservedVm['disks'] });
  expect(disks(disk(10, 0))).toBe(true);
  expect(of({ disks: [vda] })).toBe(false);
  expect(disks({ ...disk(10, 0), flushes: none })).toBe(false);
  expect(disks({ ...disk(10, 0), requests: none })).toBe(false);
  // An empty drive has no counters, and no VM writes to it.
  expect(of({ disks: [{ target: 'sda', device: 'cdrom' }] })).toBe(true);
  const nics = (name: string | undefined, packets: Series) =>
    of({ interfaces: [{ name }] }, { nics: new Map([['vnet0', { packets, drops: none }]]) });
  expect(nics('vnet0', every(1))).toBe(true);
  expect(nics('vnet0', none)).toBe(false);
  // A vhost-user NIC.
  expect(nics('net1', every(1))).toBe(false);
  expect(nics(undefined, every(1))).toBe(false);
});

test('a VM that drives devices of its host, or whose definition is not known, may be one that others wait for', () => {
  expect(isBatch(vmOf('passthrough', { ...BUSY, features: { hostDevices: 1 } }))).toBe(false);
  expect(isBatch({ ...vmOf('unknown', BUSY), facts: undefined })).toBe(false);
  const vm = vmOf('recorded', BUSY);
  expect(isBatch({ ...vm, facts: { ...vm.facts, features: undefined } } as unknown as ObservedVm)).toBe(
    false,
  );
});
