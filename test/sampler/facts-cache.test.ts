import { expect, test } from 'vitest';
import { FactsCache } from '../../sampler/facts-cache.ts';
import { DOMAIN, fakeEvents } from './fake-connection.ts';

const xml = (period: number): string =>
  `<domain><memory>2048</memory><devices><memballoon model='virtio'><stats period='${period}'/></memballoon></devices></domain>`;

function watched(): {
  facts: FactsCache;
  emit: (name: string, payload: unknown) => void;
  at: (ms: number) => void;
} {
  let nowMs = 0;
  const facts = new FactsCache(() => nowMs);
  const { control, emit } = fakeEvents();
  facts.watch(control);
  return {
    facts,
    emit,
    at: (ms) => {
      nowMs = ms;
    },
  };
}

test('XML is read again when it has grown old, since some changes come without an event', async () => {
  const { facts, at } = watched();
  await facts.refresh(DOMAIN, async () => xml(0));
  expect(facts.isDue(DOMAIN)).toBe(false);
  at(120_000);
  expect(facts.isDue(DOMAIN)).toBe(true);
  // Until then the old facts apply.
  expect(facts.get(DOMAIN)?.memory.balloonPeriodSeconds).toBe(0);
  await facts.refresh(DOMAIN, async () => xml(10));
  expect(facts.get(DOMAIN)?.memory.balloonPeriodSeconds).toBe(10);
});

test('the same XML is not parsed again', async () => {
  const { facts } = watched();
  await facts.refresh(DOMAIN, async () => xml(5));
  const before = facts.get(DOMAIN);
  await facts.refresh(DOMAIN, async () => xml(5));
  expect(facts.get(DOMAIN)).toBe(before);
});

test("a balloon's event changes the current memory, and nothing has to be asked", async () => {
  const { facts, emit } = watched();
  await facts.refresh(DOMAIN, async () => xml(5));
  emit('balloonChange', { domain: DOMAIN, actualKiB: 1_024n });
  expect(facts.get(DOMAIN)?.memory).toMatchObject({
    maximumKiB: 2_048,
    currentKiB: 1_024,
    balloonPeriodSeconds: 5,
  });
  expect(facts.isDue(DOMAIN)).toBe(false);
});

test.each([
  ['nicMacChange', { alias: 'net0', oldMac: '52:54:00:00:00:01', newMac: '52:54:00:00:00:02' }],
  ['vcpuRemoved', { vcpu: 3 }],
  ['memoryDeviceSize', { alias: 'ua-memory', sizeKiB: 2_097_152 }],
  ['deviceAdded', { alias: 'virtio-disk1' }],
])('after %s the XML is read again, and until then nothing is known', async (event, payload) => {
  const { facts, emit } = watched();
  await facts.refresh(DOMAIN, async () => xml(5));
  emit(event, { domain: DOMAIN, ...payload });
  expect(facts.isDue(DOMAIN)).toBe(true);
  expect(facts.get(DOMAIN)).toBeUndefined();
});

test('an answer that was under way while the domain changed is not kept', async () => {
  const { facts, emit } = watched();
  await facts.refresh(DOMAIN, async () => {
    emit('tunable', { domain: DOMAIN });
    return xml(5);
  });
  expect(facts.isDue(DOMAIN)).toBe(true);
});

test('of two answers under way, a change outdates the one that is still out when the other has come', async () => {
  const { facts, emit } = watched();
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const reads = [facts.refresh(DOMAIN, () => first.promise), facts.refresh(DOMAIN, () => second.promise)];
  first.resolve(xml(5));
  await reads[0];
  emit('tunable', { domain: DOMAIN });
  second.resolve(xml(5));
  await reads[1];
  expect(facts.isDue(DOMAIN)).toBe(true);
});

test("another domain's events cost this one nothing, and a lost connection outdates what is under way", async () => {
  const { facts, emit } = watched();
  await facts.refresh(DOMAIN, async () => {
    emit('tunable', { domain: { ...DOMAIN, uuid: '22222222-2222-2222-2222-222222222222' } });
    return xml(5);
  });
  expect(facts.isDue(DOMAIN)).toBe(false);
  await facts.refresh(DOMAIN, async () => {
    facts.clear();
    return xml(5);
  });
  expect(facts.isDue(DOMAIN)).toBe(true);
});

test('another run of the domain has another XML', async () => {
  const { facts } = watched();
  await facts.refresh(DOMAIN, async () => xml(5));
  expect(facts.isDue({ ...DOMAIN, id: 4 })).toBe(true);
});

test("a VM's metadata that is too large is left out and said to be, and the rest of its XML is read", async () => {
  const { facts } = watched();
  const small = '<vcpu>3</vcpu><metadata><a/></metadata>';
  await facts.refresh(DOMAIN, async () => `<domain>${small}</domain>`);
  expect(facts.get(DOMAIN)?.isMetadataCut).toBeUndefined();
  const large = small.replace(
    '<a/>',
    `<x:m xmlns:x='http://x'>${"<x:i a='1'>t</x:i>".repeat(120_000)}</x:m>`,
  );
  await facts.refresh(DOMAIN, async () => `<domain>${large}</domain>`);
  expect(facts.get(DOMAIN)).toMatchObject({ isMetadataCut: true, cpu: { vcpusMaximum: 3 } });
});

test('XML that is too large without its metadata is not parsed, and not asked for again at once', async () => {
  const { facts } = watched();
  await facts.refresh(DOMAIN, async () => `<domain>${'<x/>'.repeat(100_000)}</domain>`);
  expect(facts.get(DOMAIN)).toBeUndefined();
  expect(facts.isDue(DOMAIN)).toBe(false);
});
