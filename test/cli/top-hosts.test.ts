import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { groupsToAsk, named } from '../../cli/top/sources.ts';

test('a host has its given name, else the name in its URI, else that of this machine', () => {
  expect(named(['db1=qemu+ssh://10.0.0.7/system', 'qemu+tls://kvm2/system', 'qemu:///system'])).toEqual([
    { name: 'db1', uri: 'qemu+ssh://10.0.0.7/system' },
    { name: 'kvm2', uri: 'qemu+tls://kvm2/system' },
    { name: hostname(), uri: 'qemu:///system' },
  ]);
});

test('an equals sign within a URI is not a name, and two hosts never share a name', () => {
  const [one, two] = ['qemu:///system?socket=/a', 'qemu:///system?socket=/b'];
  expect(named([one, two])).toEqual([
    { name: one, uri: one },
    { name: two, uri: two },
  ]);
});

test('more groups are enabled by name, also several in one argument', () => {
  expect([...groupsToAsk(['numa,cgroup'])]).toEqual(expect.arrayContaining(['domain', 'numa', 'cgroup']));
  expect(() => groupsToAsk(['nonsense'])).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
