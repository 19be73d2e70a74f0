import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ParamType } from '../../libvirt/typed-params.ts';
import { parseDomain } from '../../model/domain/domain.ts';
import type { NetworkInterface } from '../../model/domain/interfaces.ts';
import { nicNames, withNicNames } from '../../model/domain/nic-names.ts';
import { readDomainStats } from '../../model/stats/read.ts';
import type { DomainStats } from '../../model/stats/types.ts';

/** `net.N.name` of each index, and a counter that identifies the NIC. */
function statsOf(names: Readonly<Record<number, string>>): DomainStats {
  return readDomainStats(
    Object.entries(names).flatMap(([index, value]) => [
      { field: `net.${index}.name`, type: ParamType.string, value },
      { field: `net.${index}.rx.bytes`, type: ParamType.ullong, value: Number(index) + 100 },
    ]),
  );
}

/** NICs by their <target>, `''` as libvirt writes it for vhost-user, undefined for none. */
function nicsOf(...targets: (string | undefined)[]): readonly NetworkInterface[] {
  const nics = targets.map(
    (target, index) =>
      `<interface type='vhostuser'><mac address='52:54:00:00:00:0${index}'/>${
        target === undefined ? '' : `<target dev='${target}'/>`
      }<alias name='net${index}'/></interface>`,
  );
  return parseDomain(`<domain><devices>${nics.join('')}</devices></domain>`).interfaces;
}

const named = (stats: DomainStats): (readonly [string | undefined, number | undefined])[] =>
  [...stats.nets.values()].map(({ name, rxBytes }) => [name, rxBytes] as const);

test('two vhost-user NICs without a name have the traffic that libvirt says of each', () => {
  const stats = withNicNames(statsOf({ 0: '', 1: '' }), nicsOf('', ''));
  expect(named(stats)).toEqual([
    ['net0', 100],
    ['net1', 101],
  ]);
});

test('NICs that libvirt has no figures for keep their place in the order', () => {
  const stats = withNicNames(statsOf({ 1: 'vnet7', 3: '' }), nicsOf(undefined, 'vnet7', undefined, ''));
  expect(named(stats)).toEqual([
    ['vnet7', 101],
    ['net3', 103],
  ]);
});

test.each([
  ['is not known', undefined],
  ['has another NIC in its place', nicsOf('vnet1', '')],
  ['has one fewer', nicsOf('vnet0')],
])('a nameless NIC is left out, not attributed to another, where the XML %s', (_why, interfaces) => {
  const stats = withNicNames(statsOf({ 0: 'vnet0', 1: '' }), interfaces);
  expect(named(stats)).toEqual([
    ['vnet0', 100],
    [undefined, 101],
  ]);
});

test('statistics in which every NIC has a name are handed on as they are', () => {
  const stats = statsOf({ 0: 'vnet0' });
  expect(withNicNames(stats, undefined)).toBe(stats);
});

test('no two NICs of a VM have one name', () => {
  const word = fc.option(fc.constantFrom('net0', 'net1', 'vnet0', 'aa:bb', 'cc:dd'), { nil: undefined });
  const nic = fc.record({ target: fc.constant(undefined), alias: word, mac: word });
  fc.assert(
    fc.property(fc.array(nic), (nics) => {
      const names = nicNames([{ target: 'net0', alias: 'net0', mac: 'aa:bb' }, ...nics]).filter(
        (name) => name !== undefined,
      );
      expect(new Set(names).size).toBe(names.length);
    }),
  );
});
