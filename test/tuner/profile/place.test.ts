import { expect, test } from 'vitest';
import { CpuSet } from '../../../model/cpu-set.ts';
import { ProfileLibrary } from '../../../tuner/profile/library.ts';
import { placementRequest } from '../../../tuner/profile/placement-request.ts';
import { resolve } from '../../../tuner/profile/resolve.ts';
import { assignmentFor, guestXml, host, profileOf, state } from './fixtures.ts';
import { valuesOf, wishesOf, written } from './wishes.ts';

const library = await ProfileLibrary.open([]);

test('a guest that is wider than a cell gets guest cells, each bound to a cell of the host', () => {
  const wide = state(guestXml({ vcpus: 20, memoryMiB: 40_960, disks: 0 }));
  const profile = profileOf({
    'cpu.pinning': 'dedicated',
    'numa.cells': 'auto',
    'numa.memory': 'strict',
    'memory.pages': 'largest',
    'cpu.topology': 'auto',
  });
  expect(placementRequest(profile, host(), wide)).toMatchObject({
    cells: [
      { vcpus: expect.anything(), memoryKiB: 20 * 1024 ** 2 },
      { vcpus: expect.anything(), memoryKiB: 20 * 1024 ** 2 },
    ],
    guestThreads: 2,
    pageKiB: 1024 ** 2,
    bound: true,
  });
  expect(valuesOf(wishesOf(profile, wide))).toMatchObject({
    'numa.cells': '0-9 20 GiB, 10-19 20 GiB',
    'numatune.nodeset': '0-1',
    'numatune.mode': 'strict',
    'memnode 0': 'strict 0',
    'memnode 1': 'strict 1',
    hugepages: '1 GiB',
    'cpu.topology': 'sockets=2 dies=1 cores=5 threads=2',
  });
});

test('a process prefers one cell at most, so with several each guest cell prefers its own', () => {
  const wide = state(guestXml({ vcpus: 20, disks: 0 }));
  const wishes = wishesOf(
    profileOf({ 'cpu.pinning': 'dedicated', 'numa.cells': 2, 'numa.memory': 'preferred' }),
    wide,
  );
  expect(valuesOf(wishes)).toMatchObject({
    'numatune.mode': undefined,
    'numatune.nodeset': undefined,
    'memnode 0': 'preferred 0',
    'memnode 1': 'preferred 1',
  });
});

test('threads of a core that placement could not keep together are not threads for the guest either', () => {
  const guest = state(guestXml({ disks: 0 }));
  const profile = profileOf({ 'cpu.pinning': 'dedicated', 'cpu.topology': 'auto' });
  const assignment = assignmentFor(placementRequest(profile, host(), guest));
  if (assignment === undefined) throw new Error('nothing was asked for');
  const scattered = {
    ...assignment,
    vcpus: assignment.vcpus.toReversed().toSorted((a, b) => (a.first ?? 0) - (b.first ?? 0)),
  };
  expect(valuesOf(resolve(profile, host(), guest, scattered))).toMatchObject({
    'cpu.topology': 'sockets=1 dies=1 cores=8 threads=1',
  });
});

test('1 GiB pages only where a pool of the host holds the memory; 2 MiB otherwise', () => {
  const pages = (memoryMiB: number): string | undefined =>
    valuesOf(wishesOf(profileOf({ 'memory.pages': 'largest' }), state(guestXml({ memoryMiB })))).hugepages;
  expect(pages(16_384)).toBe('1 GiB');
  expect(pages(16_386)).toBe('2 MiB');
  expect(pages(65_536)).toBe('2 MiB');
});

test('each guest cell may have a different page size', () => {
  const profile = profileOf({ 'numa.cells': 2, 'memory.pages': ['1 GiB', '2 MiB'] });
  expect(valuesOf(wishesOf(profile, state(guestXml())))).toMatchObject({
    hugepages: '1 GiB on 0, 2 MiB on 1',
  });
});

test('what a profile does not set is not requested, and the present place is kept', () => {
  const guest = state(guestXml());
  expect(placementRequest(profileOf({ 'disk.cache': 'none' }), host(), guest)).toBeUndefined();
  expect(placementRequest(profileOf({ 'cpu.pinning': 'none' }), host(), guest)).toBeUndefined();
  const profile = library.get('oltp-database');
  const placed = state(written(guest, wishesOf(profile, guest)));
  const request = placementRequest(profile, host(), placed);
  expect(request?.current).toEqual({ ...assignmentFor(request) });
  expect(placementRequest(library.get('balanced'), host(), placed)?.current).toBeUndefined();
});

test('a pin to every CPU that is online is none: it would bind nothing, and break when a CPU goes', () => {
  const guest = state(guestXml({ vcpus: 2, disks: 0, more: '  <iothreads>1</iothreads>\n' }));
  const profile = profileOf({
    'cpu.pinning': 'cell',
    'emulator.pinning': 'placed',
    'iothread.pinning': 'placed',
  });
  const place = { guest: 'db01', kind: 'node', cells: [0], memoryCells: [0] } as const;
  const on = (cpus: CpuSet): Record<string, string | undefined> =>
    valuesOf(
      resolve(profile, host(), guest, { ...place, vcpus: [cpus, cpus], emulator: cpus, ioThreads: cpus }),
    );
  expect(on(CpuSet.parse('0-7'))).toEqual({
    'vcpupin 0': '0-7',
    'vcpupin 1': '0-7',
    emulatorpin: '0-7',
    'iothreadpin 1': '0-7',
  });
  expect(on(host().online)).toEqual({
    'vcpupin 0': undefined,
    'vcpupin 1': undefined,
    emulatorpin: undefined,
    'iothreadpin 1': undefined,
  });
});
