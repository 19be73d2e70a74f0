import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CpuSet, CpuSetError } from '../../model/cpu-set.ts';

const cpus = fc.array(fc.nat(300), { maxLength: 40 });

test.each([
  ['0-3,8', '0-3,8'],
  ['8, 0-3', '0-3,8'],
  ['0-3,^2', '0-1,3'],
  ['^1,0-2', '0-2'],
  ['1,1,1', '1'],
  ['', ''],
])('%s is read as %s', (text, canonical) => {
  expect(CpuSet.parse(text).toString()).toBe(canonical);
});

test.each(['3-0', '1-', '-1', 'a', '1,,2', '0-99999', '1;2', '0x3', '1.5', ',', '^'])(
  '%s is refused',
  (text) => {
    expect(() => CpuSet.parse(text)).toThrow(CpuSetError);
  },
);

test('what is printed reads back to the same set', () => {
  fc.assert(
    fc.property(cpus, (list) => {
      const set = CpuSet.of(list);
      expect([...CpuSet.parse(set.toString())]).toEqual([...new Set(list)].sort((a, b) => a - b));
    }),
  );
});

test("libvirt's map is byte 0 bit 0 for CPU 0, and comes back whole", () => {
  expect([...CpuSet.parse('0,9').toBitmap(2)]).toEqual([1, 2]);
  fc.assert(
    fc.property(cpus, (list) => {
      const set = CpuSet.of(list);
      expect(CpuSet.fromBitmap(set.toBitmap(38)).equals(set)).toBe(true);
    }),
  );
  expect(() => CpuSet.parse('16').toBitmap(2)).toThrow(CpuSetError);
});

test('union, intersection and difference are those of sets', () => {
  fc.assert(
    fc.property(cpus, cpus, (a, b) => {
      const [left, right] = [CpuSet.of(a), CpuSet.of(b)];
      expect(new Set(left.union(right))).toEqual(new Set([...a, ...b]));
      expect(new Set(left.intersection(right))).toEqual(new Set(a.filter((cpu) => b.includes(cpu))));
      expect(left.difference(right).union(left.intersection(right)).equals(left)).toBe(true);
      expect(left.intersection(right).isSubsetOf(right)).toBe(true);
    }),
  );
});

test('a list that names the same CPUs over and over is refused before it costs minutes, with a short message', () => {
  const list = '0-8191,'.repeat(150_000);
  expect(() => CpuSet.parse(`${list}0`)).toThrow(/beyond the first 1000000 CPUs that the list names/);
  try {
    CpuSet.parse(`${list}x`);
  } catch (error) {
    expect((error as Error).message.length).toBeLessThan(1_000);
  }
});

test('a list of 100,000 entries is read, and one bad entry at its end is found', () => {
  const list = Array.from({ length: 100_000 }, (_, index) => `${(index * 2) % 8_192}`);
  expect(CpuSet.parse(list.join(',')).size).toBe(4_096);
  expect(() => CpuSet.parse([...list, '8192'].join(','))).toThrow(CpuSetError);
  expect(CpuSet.parse([...list, ...list.map((cpu) => `^${cpu}`)].join(',')).size).toBe(0);
});
