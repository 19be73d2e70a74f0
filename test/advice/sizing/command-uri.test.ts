import { expect, test } from 'vitest';
import { commandUri } from '../../../advice/sizing/command-uri.ts';

const here = { hostname: 'kvm1.example.com', addresses: new Set(['192.0.2.1', '2001:db8::1']) };

test.each([
  'kvm1:9177',
  'KVM1.example.com:9177',
  'kvm1',
  'localhost:9177',
  '127.0.0.1:9177',
  '192.0.2.1:9177',
  '[2001:db8::1]:9177',
  '[::1]:9177',
])('%s is this host', (instance) => {
  expect(commandUri(instance, here)).toBe('qemu:///system');
});

test.each([
  ['kvm2:9177', 'qemu+ssh://kvm2/system'],
  ['kvm1.example.org:9177', 'qemu+ssh://kvm1.example.org/system'],
  ['192.0.2.2:9177', 'qemu+ssh://192.0.2.2/system'],
  ['[2001:db8::2]:9177', 'qemu+ssh://[2001:db8::2]/system'],
])('%s is another host', (instance, uri) => {
  expect(commandUri(instance, here)).toBe(uri);
});

test('a label that is not a host has no URI', () => {
  for (const instance of ['$(reboot)', '-oProxyCommand=x:1', 'a b', ''])
    expect(commandUri(instance, here)).toBeUndefined();
});
