import { expect, test } from 'vitest';
import { parseDomain } from '../../model/domain/domain.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { DomainStats } from '../../model/stats/types.ts';
import { GuestMemory } from '../../sampler/guest-memory.ts';

const DOMAIN = { name: 'web', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 };
const withPeriod = (seconds: number) =>
  parseDomain(
    `<domain><devices><memballoon model='virtio'><stats period='${seconds}'/></memballoon></devices></domain>`,
  );
const reported = (atSeconds: number): DomainStats =>
  readDomainStats([
    { field: 'balloon.unused', type: 4, value: 100 },
    { field: 'balloon.rss', type: 4, value: 200 },
    { field: 'balloon.last-update', type: 4, value: atSeconds },
  ]);

test("a guest's figures are kept while its driver reports, and withheld two periods after it stopped", () => {
  let nowMs = 1_000_000;
  const memory = new GuestMemory(() => nowMs);
  const unused = (): number | undefined =>
    memory.onlyFresh(DOMAIN, reported(1_000), withPeriod(5)).balloon.unusedKiB;
  expect(unused()).toBe(100);
  nowMs += 10_000;
  expect(unused()).toBe(100);
  nowMs += 1;
  expect(unused()).toBeUndefined();
  const stopped = memory.onlyFresh(DOMAIN, reported(1_000), withPeriod(5)).balloon;
  // The host's figure, and the time of the guest's last report.
  expect(stopped).toEqual({ rssKiB: 200, lastUpdateSeconds: 1_000 });
  expect(memory.onlyFresh(DOMAIN, reported(1_011), withPeriod(5)).balloon.unusedKiB).toBe(100);
});

test('figures that were old already when virtune started are withheld in the first sample', () => {
  const memory = new GuestMemory(() => 1_000_000);
  expect(memory.onlyFresh(DOMAIN, reported(900), withPeriod(5)).balloon.unusedKiB).toBeUndefined();
  expect(memory.onlyFresh(DOMAIN, reported(900), withPeriod(5)).balloon.unusedKiB).toBeUndefined();
});

test('a host whose clock is hours behind has figures from the second report on', () => {
  let nowMs = 1_000_000_000;
  const memory = new GuestMemory(() => nowMs);
  expect(memory.onlyFresh(DOMAIN, reported(5_000), withPeriod(5)).balloon.unusedKiB).toBeUndefined();
  nowMs += 5_000;
  expect(memory.onlyFresh(DOMAIN, reported(5_005), withPeriod(5)).balloon.unusedKiB).toBe(100);
});

test('without a stats period what QEMU still holds of an earlier one is withheld', () => {
  const memory = new GuestMemory(() => 1_000_000);
  expect(memory.onlyFresh(DOMAIN, reported(1_000), withPeriod(0)).balloon.unusedKiB).toBeUndefined();
  expect(memory.onlyFresh(DOMAIN, reported(1_000), undefined).balloon.unusedKiB).toBeUndefined();
  expect(memory.onlyFresh(DOMAIN, reported(0), withPeriod(5)).balloon.unusedKiB).toBeUndefined();
});

test('another run of the domain starts from its own reports', () => {
  let nowMs = 1_000_000;
  const memory = new GuestMemory(() => nowMs);
  memory.onlyFresh(DOMAIN, reported(1_000), withPeriod(5));
  nowMs += 60_000;
  expect(memory.onlyFresh({ ...DOMAIN, id: 2 }, reported(1_060), withPeriod(5)).balloon.unusedKiB).toBe(100);
});
