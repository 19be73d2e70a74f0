import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FleetVm } from '../../../advice/fleet/fleet.ts';
import type { Move } from '../../../advice/fleet/plan.ts';
import { virshScript } from '../../../advice/fleet/virsh.ts';
import { hostOf, vmOf } from './made-fleet.ts';

const UUID = '3c1f2f64-0a2e-4b52-9d4b-5f0f3d2b9a10';
const move = (
  name: string,
  over: {
    from?: string;
    to?: string;
    uuid?: string;
    isPersistent?: boolean;
    autostart?: FleetVm['autostart'];
  } = {},
): Move => ({
  vm: vmOf(name, 1, {
    uuid: over.uuid ?? UUID,
    isPersistent: over.isPersistent,
    autostart: 'autostart' in over ? over.autostart : 'never',
  }),
  from: hostOf('a', [], { instance: over.from ?? 'kvm1:9177' }),
  to: hostOf('b', [], { instance: over.to ?? '[2001:db8::2]:9177' }),
  why: 'CPU contention',
  cost: { bytes: 1, seconds: 1, cpuSeconds: 1 },
});

test('a move is one command that names the VM by its UUID', () => {
  expect(virshScript([move('7')])).toEqual([
    'set -e',
    '# 7: kvm1:9177 -> [2001:db8::2]:9177, for CPU contention',
    `virsh -c qemu+ssh://kvm1/system migrate --live --persistent --undefinesource --verbose ${UUID} 'qemu+ssh://[2001:db8::2]/system'`,
  ]);
  expect(virshScript([])).toEqual(['# No VM has to move.']);
});

test('the definition of a transient VM is neither written nor removed, and the URI is the one of the constraints', () => {
  expect(
    virshScript([move('vm', { to: 'kvm2', isPersistent: false })], 'qemu+tls://{host}:16515/system')[2],
  ).toBe(
    `virsh -c qemu+tls://kvm1:16515/system migrate --live --verbose ${UUID} qemu+tls://kvm2:16515/system`,
  );
});

test('a VM that starts with its host is marked so on the target, after its migration and unless it is transient', () => {
  const after = (over: Parameters<typeof move>[1]) =>
    virshScript([move('vm', { to: 'kvm2', ...over })], 'qemu+tls://{host}/system').slice(3);
  expect(after({ autostart: 'always' })).toEqual([`virsh -c qemu+tls://kvm2/system autostart ${UUID}`]);
  expect(after({ autostart: 'once' })).toEqual([`virsh -c qemu+tls://kvm2/system autostart --once ${UUID}`]);
  expect(after({ autostart: 'never' })).toEqual([]);
  expect(after({ autostart: undefined })).toEqual([
    expect.stringMatching(/^# Whether it starts with its host/),
  ]);
  expect(after({ autostart: 'always', isPersistent: false })).toEqual([]);
});

test('what is not a host or a UUID becomes no command', () => {
  expect(virshScript([move('vm', { to: '$(reboot)' })])[2]).toMatch(/^# No command: the label instance/);
  expect(virshScript([move('vm', { from: '-oProxyCommand=x:22' })])[2]).toMatch(/^# No command/);
  expect(virshScript([move('vm', { uuid: '--all' })])[2]).toMatch(/^# No command: the UUID/);
});

test('whatever a VM is called, a shell runs virsh with the same arguments and nothing else', () => {
  const names = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '--help',
      '\n touch /x',
      "'; reboot #",
      '$(reboot)',
      '`reboot`',
      '\r\nreboot',
      '\\\nreboot',
    ),
  );
  fc.assert(
    fc.property(fc.array(names, { minLength: 1, maxLength: 20 }), (all) => {
      const script = virshScript(all.map((name) => move(name, { to: 'kvm2' })));
      const run = execFileSync('/bin/sh', ['-s'], {
        input: `virsh() { printf '%s|' "$@"; echo; }\n${script.join('\n')}\n`,
        encoding: 'utf8',
        env: { PATH: '' },
      });
      const line = `-c|qemu+ssh://kvm1/system|migrate|--live|--persistent|--undefinesource|--verbose|${UUID}|qemu+ssh://kvm2/system|\n`;
      expect(run).toBe(line.repeat(all.length));
    }),
    { numRuns: 20 },
  );
});
