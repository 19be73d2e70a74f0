import { expect, test } from 'vitest';
import { Secrets, secretXml } from '../../../simulator/secrets.ts';
import { type HeldHost, journalOptions, linked, onHost } from '../../../tuner/apply/host-session.ts';
import type { JournalEvent } from '../../../tuner/journal/records.ts';
import { FakeLibvirt, HOSTNAME } from './fake-libvirt.ts';
import { options, pages, transaction, UUIDS } from './fixtures.ts';

const HOST = { uri: 'qemu:///system', hostname: HOSTNAME };

/** A libvirt that supports secrets, and so has a lock. */
function lockable() {
  const libvirt = new FakeLibvirt();
  const secrets = new Secrets();
  libvirt.answers = {
    secretDefineXml: ({ xml }) => ({ secret: secrets.define(xml) }),
    secretLookupByUuid: ({ uuid }) => ({ secret: secrets.byUuid(uuid) }),
    secretLookupByUsage: (usage) => ({ secret: secrets.byUsage(usage) }),
    secretGetXmlDesc: ({ secret }) => ({ xml: secretXml(secrets.byUuid(secret.uuid)) }),
    secretUndefine: ({ secret }) => {
      secrets.undefine(secret.uuid);
    },
  };
  const held = (): string | undefined => {
    try {
      return secretXml(secrets.byUsage({ usageType: 4, usageId: 'virtune-tuner-lock' }));
    } catch {
      return undefined;
    }
  };
  return { libvirt, held };
}

test('a host is held by a lease and a lock while it is worked on, and free after it, also after a failure', async () => {
  const { libvirt, held } = lockable();
  const run = async ({ lease }: HeldHost): Promise<string> => {
    expect(lease.kind).toBe('libvirt');
    expect(held()).toMatch(/virtune tune apply db01/);
    await expect(onHost(HOST, options(libvirt), async () => 'both')).rejects.toMatchObject({
      code: 'TUNE_LOCKED',
    });
    return 'done';
  };
  expect(await onHost(HOST, options(libvirt), run)).toBe('done');
  expect(held()).toBeUndefined();
  const failing = onHost(HOST, options(libvirt), () => Promise.reject(new RangeError('a fault')));
  await expect(failing).rejects.toThrow(RangeError);
  expect(held()).toBeUndefined();
  expect(await onHost(HOST, options(libvirt), async () => 'again')).toBe('again');
});

test('a libvirt that cannot be reached leaves the lock of the state folder free', async () => {
  const { libvirt } = lockable();
  libvirt.away = true;
  await expect(onHost(HOST, options(libvirt), async () => 'x')).rejects.toThrow('there is no libvirt');
  libvirt.away = false;
  expect(await onHost(HOST, options(libvirt), async () => 'now')).toBe('now');
});

test('what was stopped before it began does not reach for the host', async () => {
  const { libvirt } = lockable();
  const stopped = onHost(HOST, options(libvirt, { signal: AbortSignal.abort() }), async () => 'x');
  await expect(stopped).rejects.toMatchObject({
    code: 'TUNE_STOPPED',
    message: 'interrupted before it started; nothing was changed',
  });
  expect(libvirt.calls).toEqual([]);
});

test('the lease says who holds the host, in which version and since when', async () => {
  const { libvirt, held } = lockable();
  await onHost(HOST, options(libvirt, { now: () => new Date(0) }), async () => {
    expect(held()).toMatch(/1970-01-01T00:00:00\.000Z/);
    expect(held()).toMatch(/1\.2\.3/);
  });
});

test('a libvirt without a lock says so to its user', async () => {
  const said: string[] = [];
  await onHost(HOST, options(new FakeLibvirt(), { onSay: (text) => said.push(text) }), async () => undefined);
  expect(said).toEqual([expect.stringContaining('does not provide a lock')]);
});

test('a link is closed after its use and after a failure, and leads to the host that is meant', async () => {
  const libvirt = new FakeLibvirt();
  const domain = libvirt.add('db01', UUIDS[0]);
  const open = async () => libvirt.connect();
  const opened: Awaited<ReturnType<typeof open>>[] = [];
  const uris: string[] = [];
  const more = options(libvirt, {
    open: async (uri) => {
      uris.push(uri);
      const connection = await open();
      opened.push(connection);
      return connection;
    },
  });
  const of = transaction([domain], []);
  const found = await linked({ ...of, domains: [...of.domains] }, more, async (link) => [
    link.saved(domain.uuid)?.inactive,
    link.saved('another'),
  ]);
  expect(found).toEqual([domain.definition, undefined]);
  const failing = linked({ ...HOST, domains: [] }, more, () => Promise.reject(new RangeError('a fault')));
  await expect(failing).rejects.toThrow(RangeError);
  const elsewhere = linked({ ...HOST, hostname: 'kvm02', domains: [] }, more, async () => 'x');
  await expect(elsewhere).rejects.toMatchObject({
    code: 'TUNE_CHANGED',
    message:
      'qemu:///system connects to host "kvm01", but the transaction is for host "kvm02"; nothing was changed',
  });
  expect(opened.map(({ closed }) => closed !== undefined)).toEqual([true, true, true]);
  expect(new Set(uris)).toEqual(new Set([HOST.uri]));
});

test('an event is passed on with the step that it is about, where it is about one', () => {
  const seen: unknown[] = [];
  const libvirt = new FakeLibvirt();
  const onEvent = (event: JournalEvent, step: unknown): void => void seen.push([event.event, step]);
  const { onEvent: pass } = journalOptions(options(libvirt, { onEvent }), (index) => pages(index));
  const at = '2026-01-01T00:00:00Z';
  pass({ event: 'same', at, step: 0 });
  pass({ event: 'committed', at });
  pass({ event: 'failed', at, code: 'X', message: 'y' });
  pass({ event: 'failed', at, step: undefined, code: 'X', message: 'y' });
  expect(seen).toEqual([
    ['same', pages(0)],
    ['committed', undefined],
    ['failed', undefined],
    ['failed', undefined],
  ]);
  expect(() =>
    journalOptions(options(libvirt), () => undefined).onEvent({ event: 'committed', at }),
  ).not.toThrow();
});
