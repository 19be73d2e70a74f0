import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ParamType, type TypedParam } from '../../libvirt/typed-params.ts';
import { numbered, readGuestInfo } from '../../model/guest.ts';

const text = (field: string, value: string): TypedParam => ({ field, type: ParamType.string, value });
const count = (field: string, value: number | bigint): TypedParam => ({
  field,
  type: ParamType.ullong,
  value,
});

test('the answer of an agent to libvirt 9.0.0 is read into the figures that are exported', () => {
  // Debian's qemu-guest-agent 7.2 in a guest with one ext4 disk, asked for file systems, system and host name.
  const info = readGuestInfo([
    text('os.id', 'lab'),
    text('os.pretty-name', 'Lab "Linux" {1}'),
    text('os.kernel-release', '6.1.0-56-cloud-amd64'),
    text('hostname', 'lab-guest'),
    count('fs.count', 1),
    text('fs.0.name', 'vda'),
    text('fs.0.mountpoint', '/data'),
    text('fs.0.fstype', 'ext4'),
    count('fs.0.total-bytes', 13_237_248),
    count('fs.0.used-bytes', 14_336),
    count('fs.0.disk.count', 1),
    text('fs.0.disk.0.alias', 'vda'),
    text('fs.0.disk.0.device', '/dev/vda'),
  ]);
  expect(info).toEqual({
    filesystems: [
      { mountpoint: '/data', type: 'ext4', totalBytes: 13_237_248, usedBytes: 14_336, disk: 'vda' },
    ],
    load: undefined,
    hostname: 'lab-guest',
    os: new Map([
      ['id', 'lab'],
      ['pretty-name', 'Lab "Linux" {1}'],
      ['kernel-release', '6.1.0-56-cloud-amd64'],
    ]),
  });
});

test('a load is reported completely or not at all, and a file system without a size has no size figures', () => {
  const load = (field: string, value: number): TypedParam => ({ field, type: ParamType.double, value });
  expect(readGuestInfo([load('load.1m', 0.5), load('load.5m', 1), load('load.15m', 2)]).load).toEqual([
    0.5, 1, 2,
  ]);
  expect(readGuestInfo([load('load.1m', 0.5)]).load).toBeUndefined();
  expect(readGuestInfo([text('fs.0.mountpoint', '/')]).filesystems).toEqual([
    { mountpoint: '/', type: undefined, totalBytes: undefined, usedBytes: undefined, disk: undefined },
  ]);
});

test('a file system keeps its number while it is mounted, and gives it up to another after that', () => {
  const first = numbered(new Map(), ['/var', '/', '/home'], 3);
  expect([...first].sort()).toEqual([
    ['/', 0],
    ['/home', 1],
    ['/var', 2],
  ]);
  const second = numbered(first, ['/var', '/srv', '/'], 3);
  expect([...second].sort()).toEqual([
    ['/', 0],
    ['/srv', 1],
    ['/var', 2],
  ]);
  expect(numbered(second, ['/', '/a', '/srv', '/var'], 3).has('/a')).toBe(false);
});

test('however a guest renames its file systems, the numbers stay bounded and unique', () => {
  const rounds = fc.array(fc.array(fc.string({ unit: 'binary' }), { maxLength: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(rounds, (names) => {
      let numbers: ReadonlyMap<string, number> = new Map();
      for (const keys of names) {
        const next = numbered(numbers, keys, 16);
        expect(next.size).toBe(Math.min(16, new Set(keys).size));
        expect(new Set(next.values()).size).toBe(next.size);
        expect([...next.values()].every((number) => number >= 0 && number < 16)).toBe(true);
        for (const [key, number] of next) if (numbers.has(key)) expect(number).toBe(numbers.get(key));
        numbers = next;
      }
    }),
  );
});

test('an agent that answers with 16 MB leaves a bounded text of each field, and as many fields of its system as libvirt has', () => {
  const huge = 'x'.repeat(4_000_000);
  const info = readGuestInfo([
    text('hostname', huge),
    text('fs.0.mountpoint', huge),
    text('fs.0.fstype', huge),
    text('fs.0.disk.0.alias', huge),
    ...Array.from({ length: 1_000 }, (_, n) => text(`os.${n}`, 'y'.repeat(10_000))),
  ]);
  expect(info.hostname).toHaveLength(4_096);
  const [filesystem] = info.filesystems;
  expect([filesystem?.mountpoint, filesystem?.type, filesystem?.disk].map((each) => each?.length)).toEqual([
    4_096, 4_096, 4_096,
  ]);
  expect([info.os.size, info.os.get('0')?.length]).toEqual([64, 4_096]);
});
