import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calls } from '../../libvirt/calls/all.ts';
import type { CallDeclaration } from '../../libvirt/calls/call.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { ErrorCode, ErrorDomain, ListFlag, StatsGroup, XmlFlag } from '../../libvirt/constants.ts';
import { RemoteError } from '../../libvirt/errors.ts';
import { type EventDeclaration, events } from '../../libvirt/events.ts';
import type { Domain } from '../../libvirt/wire/types.ts';
import { CpuSet } from '../../model/cpu-set.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import type { HostVersions } from '../../model/libvirt-features.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import { onlineCpus, parseCapabilities } from '../../model/topology.ts';
import { type Expected, expectedOf, versionsOf } from './expected.ts';

export interface ContractTarget {
  /** Opens a connection; a read-only one where asked. */
  open(readOnly: boolean): Promise<Connection>;
  /** A running domain with a vCPU that may be pinned. */
  readonly running: string;
  /** A running domain without a channel for a guest agent. */
  readonly agentless: string;
  /** A domain that starts at the next boot of the host only. Absent: this driver has no such setting. */
  readonly startsOnce?: string;
  /** Capabilities that this driver lacks, by the names used in the test. */
  readonly lacks?: readonly Capability[];
}

export type Capability =
  | 'guest agents'
  | 'stats of devices'
  | 'live pins'
  | 'node figures'
  | 'free pages'
  | 'job'
  | 'control';

/** Number of event kinds of storage pools (virStoragePoolEventID). */
const POOL_EVENTS = 2;
const NO_SUCH: Domain = { name: 'no-such-domain', uuid: '11111111-2222-3333-4444-555555555555', id: -1 };

/** The behaviour of any libvirt, which the simulator must share. */
export function contract(name: string, target: () => ContractTarget): void {
  describe(`the contract, kept by ${name}`, () => {
    let reader: Connection;
    let writer: Connection;
    let domain: Domain;
    let versions: HostVersions;
    let expected: Expected;
    const can = (capability: Capability): boolean => target().lacks?.includes(capability) !== true;

    beforeAll(async () => {
      reader = await target().open(true);
      writer = await target().open(false);
      versions = await versionsOf(reader);
      expected = expectedOf(versions);
      ({ domain } = await reader.call('domainLookupByName', { name: target().running }));
    });
    afterAll(async () => {
      await reader?.close();
      await writer?.close();
    });

    async function codeOf(promise: Promise<unknown>): Promise<number> {
      const error = await promise.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(RemoteError);
      return (error as RemoteError).libvirtCode;
    }

    test('the daemon reports its name and version', async () => {
      expect(versions.libvirt).toBeGreaterThanOrEqual(9_000_000);
      expect((await reader.call('connectGetHostname', undefined)).hostname).not.toBe('');
      expect((await reader.call('connectGetType', undefined)).type).not.toBe('');
    });

    test('a domain is found by name, by UUID and by id, and is the same one', async () => {
      expect(domain.id).toBeGreaterThan(0);
      expect((await reader.call('domainLookupByUuid', { uuid: domain.uuid })).domain).toEqual(domain);
      expect((await reader.call('domainLookupById', { id: domain.id })).domain).toEqual(domain);
    });

    test('a missing domain is error 42, however it is looked up', async () => {
      expect(await codeOf(reader.call('domainLookupByName', { name: NO_SUCH.name }))).toBe(
        ErrorCode.noDomain,
      );
      expect(await codeOf(reader.call('domainLookupByUuid', { uuid: NO_SUCH.uuid }))).toBe(
        ErrorCode.noDomain,
      );
      expect(await codeOf(reader.call('domainGetXmlDesc', { domain: NO_SUCH, flags: 0 }))).toBe(
        ErrorCode.noDomain,
      );
      expect(await codeOf(reader.call('domainGetState', { domain: NO_SUCH, flags: 0 }))).toBe(
        ErrorCode.noDomain,
      );
    });

    test('statistics leave out a domain that is gone, and one that the list filters beside it leave out', async () => {
      const uuids = async (domains: readonly Domain[], flags: number) => {
        const args = { domains: [...domains], stats: StatsGroup.state, flags };
        return (await reader.call('connectGetAllDomainStats', args)).records.map((each) => each.domain.uuid);
      };
      expect(await uuids([NO_SUCH], 0)).toEqual([]);
      expect(await uuids([NO_SUCH, domain], 0)).toEqual([domain.uuid]);
      expect(await uuids([domain], ListFlag.active)).toEqual([domain.uuid]);
      expect(await uuids([domain], ListFlag.inactive)).toEqual([]);
    });

    test('list filters narrow the list, each group separately', async () => {
      const list = async (flags: number) =>
        (await reader.call('connectListAllDomains', { needResults: 1, flags })).domains;
      const all = await list(0);
      const active = await list(ListFlag.active);
      const inactive = await list(ListFlag.inactive);
      expect(active.length + inactive.length).toBe(all.length);
      expect(active.every((each) => each.id > 0)).toBe(true);
      expect(inactive.every((each) => each.id === -1)).toBe(true);
      expect((await list(ListFlag.running | ListFlag.paused)).length).toBeLessThanOrEqual(active.length);
      expect(active).toContainEqual(domain);
    });

    test('the state of a domain is the same by state, by info and by statistics', async () => {
      const { state } = await reader.call('domainGetState', { domain, flags: 0 });
      const info = await reader.call('domainGetInfo', { domain });
      const { records } = await reader.call('connectGetAllDomainStats', {
        domains: [domain],
        stats: StatsGroup.state,
        flags: 0,
      });
      expect(info.state).toBe(state);
      expect(readDomainStats(records[0]?.params ?? []).state).toBe(state);
    });

    test('statistics of one domain hold what was asked for and no other group', async (context) => {
      if (!can('stats of devices')) return context.skip();
      const { records } = await reader.call('connectGetAllDomainStats', {
        domains: [domain],
        stats: StatsGroup.vcpu | StatsGroup.block,
        // Waits for the job: with NOWAIT, a domain that is busy with one of its events reports less.
        flags: 0,
      });
      const groups = new Set(records[0]?.params.map((param) => param.field.split('.')[0]));
      expect(groups).toEqual(new Set(['vcpu', 'block']));
      const stats = readDomainStats(records[0]?.params ?? []);
      expect(stats.vcpus.get(0)).toMatchObject({ state: expect.any(Number), timeNs: expect.any(Number) });
      expect(stats.vcpuCurrent).toBeGreaterThan(0);
      expect([...stats.blocks.values()][0]).toMatchObject({
        name: expect.any(String),
        readBytes: expect.any(Number),
        writeNs: expect.any(Number),
        flushRequests: expect.any(Number),
      });
      expect(stats.unknown.size).toBe(0);
    });

    test('every group of statistics is accepted', async () => {
      const { records } = await reader.call('connectGetAllDomainStats', {
        domains: [domain],
        stats: 0,
        flags: 0,
      });
      expect(records[0]?.domain).toEqual(domain);
      expect(readDomainStats(records[0]?.params ?? []).unknown.size).toBe(0);
    });

    test('memory statistics by tag agree with the balloon group', async () => {
      const { stats } = await reader.call('domainMemoryStats', { domain, maxStats: 64, flags: 0 });
      const actual = stats.find((each) => each.tag === 6)?.value;
      const info = await reader.call('domainGetInfo', { domain });
      expect(actual).toBe(info.memoryKiB);
    });

    test('XML names the domain, live and inactive', async () => {
      for (const flags of [0, XmlFlag.inactive]) {
        const { xml } = await reader.call('domainGetXmlDesc', { domain, flags });
        const facts = parseDomain(xml);
        expect(facts).toMatchObject({ name: domain.name, uuid: domain.uuid });
        expect(facts.cpu.vcpusMaximum).toBeGreaterThan(0);
      }
    });

    test("the host's topology has cells with CPUs, as many as the host says", async () => {
      const { xml } = await reader.call('connectGetCapabilities', undefined);
      const info = await reader.call('nodeGetInfo', undefined);
      const topology = parseCapabilities(xml);
      expect(topology.cells.length).toBe(info.nodes);
      expect(onlineCpus(topology).size).toBe(info.cpus);
    });

    test('host figures come by the count that the host names first', async (context) => {
      if (!can('node figures')) return context.skip();
      const { nparams } = await reader.call('nodeGetCpuStats', { cpu: -1, nparams: 0, flags: 0 });
      const { stats } = await reader.call('nodeGetCpuStats', { cpu: -1, nparams, flags: 0 });
      expect(stats.map((each) => each.field)).toEqual(expected.hostCpuFields);
      expect(await codeOf(reader.call('nodeGetCpuStats', { cpu: -1, nparams: nparams + 1, flags: 0 }))).toBe(
        ErrorCode.invalidArg,
      );
      const memory = await reader.call('nodeGetMemoryStats', { nparams: 0, cell: -1, flags: 0 });
      const { stats: figures } = await reader.call('nodeGetMemoryStats', {
        nparams: memory.nparams,
        cell: -1,
        flags: 0,
      });
      expect(figures.map((each) => each.field)).toEqual(expected.hostMemoryFields);
    });

    test('free pages come one for each cell and size', async (context) => {
      if (!can('free pages')) return context.skip();
      const info = await reader.call('nodeGetInfo', undefined);
      const { counts } = await reader.call('nodeGetFreePages', {
        pageSizesKiB: [4, 2_048],
        startCell: 0,
        cellCount: info.nodes,
        flags: 0,
      });
      expect(counts).toHaveLength(2 * info.nodes);
    });

    test('a monitor that answers is reported as such, and no job runs', async (context) => {
      if (!can('control')) return context.skip();
      expect((await reader.call('domainGetControlInfo', { domain, flags: 0 })).state).toBe(0);
      expect((await reader.call('domainGetJobStats', { domain, flags: 0 })).type).toBe(0);
    });

    test('an agent is asked only over a writable connection, for types that this libvirt knows, where there is one', async (context) => {
      if (!can('guest agents')) return context.skip();
      const agentless = await reader.call('domainLookupByName', { name: target().agentless });
      const ask = (types: number) =>
        codeOf(writer.call('domainGetGuestInfo', { ...agentless, types, flags: 0 }));
      const bits = Array.from({ length: 31 }, (_, bit) => 2 ** bit);
      for (const type of bits) {
        const isKnown = (expected.guestInfoTypes & type) !== 0;
        expect([type, await ask(type)]).toEqual([
          type,
          isKnown ? ErrorCode.argumentUnsupported : ErrorCode.invalidArg,
        ]);
      }
      const reading = reader.call('domainGetGuestInfo', { ...agentless, types: 0, flags: 0 });
      await expect(reading).rejects.toMatchObject({ code: 'LIBVIRT_READ_ONLY' });
    });

    test('a pin that is set is the pin that is read, and an event reports it', async (context) => {
      if (!can('live pins')) return context.skip();
      const { cpus } = await writer.call('nodeGetInfo', undefined);
      const mapLength = Math.ceil(cpus / 8);
      const pinOf = async (): Promise<CpuSet> => {
        const reply = await writer.call('domainGetVcpuPinInfo', { domain, ncpumaps: 1, mapLength, flags: 1 });
        return CpuSet.fromBitmap(reply.maps.subarray(0, mapLength));
      };
      const before = await pinOf();
      const changed = Promise.withResolvers<string>();
      const stop = await writer.on('tunable', ({ params }) => changed.resolve(params[0]?.field ?? ''), {
        domain,
      });
      const only = CpuSet.of([cpus - 1]);
      await writer.call('domainPinVcpuFlags', { domain, vcpu: 0, map: only.toBitmap(mapLength), flags: 1 });
      expect((await pinOf()).toString()).toBe(only.toString());
      expect(await changed.promise).toBe('cputune.vcpupin0');
      await writer.call('domainPinVcpuFlags', { domain, vcpu: 0, map: before.toBitmap(mapLength), flags: 1 });
      expect((await pinOf()).equals(before)).toBe(true);
      await stop();
    });

    test('an event is registered once on a connection: the daemon refuses a second time, this client shares', async () => {
      const lifecycle = { eventId: 0, domain };
      const first = await reader.call('connectDomainEventCallbackRegisterAny', lifecycle);
      expect(await codeOf(reader.call('connectDomainEventCallbackRegisterAny', lifecycle))).toBe(
        ErrorCode.invalidArg,
      );
      await reader.call('connectDomainEventCallbackDeregisterAny', first);
      const stops = await Promise.all(
        Array.from({ length: 3 }, () => reader.on('lifecycle', () => undefined, { domain })),
      );
      for (const stop of stops) await stop();
      // The last listener has deregistered the callback, so it can be registered again.
      const again = await reader.call('connectDomainEventCallbackRegisterAny', lifecycle);
      await reader.call('connectDomainEventCallbackDeregisterAny', again);
    });

    test('every event that virtune knows can be registered where this libvirt has it', async () => {
      const counts = { domain: expected.domainEvents, pool: POOL_EVENTS };
      const registered = (of: 'domain' | 'pool', eventId: number) =>
        of === 'domain'
          ? reader.call('connectDomainEventCallbackRegisterAny', { eventId, domain: undefined })
          : reader.call('connectStoragePoolEventRegisterAny', { eventId, pool: undefined });
      for (const [name, { of, id, since = 0 }] of Object.entries<EventDeclaration>(events)) {
        expect([name, since <= versions.libvirt]).toEqual([name, id < counts[of]]);
        if (id >= counts[of]) {
          expect([name, await codeOf(registered(of, id))]).toEqual([name, ErrorCode.internal]);
        } else if (of === 'domain') {
          await reader.call('connectDomainEventCallbackDeregisterAny', await registered(of, id));
        } else {
          await reader.call('connectStoragePoolEventDeregisterAny', await registered(of, id));
        }
      }
      for (const id of [counts.domain, 99, -1])
        expect([id, await codeOf(registered('domain', id))]).toEqual([id, ErrorCode.internal]);
      expect(await codeOf(registered('pool', counts.pool))).toBe(ErrorCode.internal);
    });

    test('whether a domain starts with the next boot only is known from libvirt 11.2 on', async () => {
      expect(await reader.call('domainGetAutostart', { domain })).toEqual({ autostart: expect.any(Boolean) });
      const { startsOnce } = target();
      if (!expected.hasAutostartOnce || startsOnce === undefined) {
        const code = expected.hasAutostartOnce ? ErrorCode.noSupport : ErrorCode.rpc;
        return expect(await codeOf(reader.call('domainGetAutostartOnce', { domain }))).toBe(code);
      }
      const once = await reader.call('domainLookupByName', { name: startsOnce });
      expect(await reader.call('domainGetAutostart', once)).toEqual({ autostart: false });
      expect(await reader.call('domainGetAutostartOnce', once)).toEqual({ autostart: true });
      expect(await reader.call('domainGetAutostartOnce', { domain })).toEqual({ autostart: false });
    });

    test('a procedure that this libvirt does not have is unknown, with its number', async () => {
      const newer = Object.entries<CallDeclaration>(calls).filter(
        ([, { since = 0 }]) => since > versions.libvirt,
      );
      expect(newer.map(([name]) => name)).toEqual(
        expected.hasAutostartOnce ? [] : ['domainGetAutostartOnce'],
      );
      if (expected.hasAutostartOnce) return;
      await expect(reader.call('domainGetAutostartOnce', { domain: NO_SUCH })).rejects.toMatchObject({
        libvirtCode: ErrorCode.rpc,
        libvirtDomain: ErrorDomain.rpc,
        message: expect.stringContaining(`unknown procedure: ${calls.domainGetAutostartOnce.proc}`),
      });
    });

    test('an empty CPU map is refused', async (context) => {
      if (!can('live pins')) return context.skip();
      const pin = writer.call('domainPinVcpuFlags', { domain, vcpu: 0, map: new Uint8Array(1), flags: 1 });
      expect(await codeOf(pin)).toBe(ErrorCode.invalidArg);
    });

    test('a read-only connection is refused by this client before the daemon is asked', async () => {
      const pin = reader.call('domainPinVcpuFlags', { domain, vcpu: 0, map: new Uint8Array(1), flags: 1 });
      await expect(pin).rejects.toMatchObject({ code: 'LIBVIRT_READ_ONLY' });
      const secrets = reader.call('domainGetXmlDesc', { domain, flags: XmlFlag.secure });
      await expect(secrets).rejects.toMatchObject({ code: 'LIBVIRT_READ_ONLY' });
    });

    test('twenty calls at once are all answered, each with its own answer', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0
            ? reader.call('domainIsActive', { domain }).then(({ active }) => active)
            : codeOf(reader.call('domainLookupByName', { name: `nobody-${index}` })),
        ),
      );
      expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? true : 42)));
    });
  });
}
