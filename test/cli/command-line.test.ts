import { expect, test } from 'vitest';
import { commandLine } from '../../cli/tune/command-line.ts';

test('the command that a journal keeps has no user and password of a URL, and is the same otherwise', () => {
  expect(
    commandLine(['tune', 'apply', 'vm@home', '--prometheus', 'https://me:pass@word@prometheus/a@b']),
  ).toBe('virtune tune apply vm@home --prometheus https://prometheus/a@b');
  expect(
    commandLine(['--prometheus=http://:token@kvm:9090', '--connect', 'qemu+ssh://root@kvm/system']),
  ).toBe('virtune --prometheus=http://kvm:9090 --connect qemu+ssh://root@kvm/system');
});
