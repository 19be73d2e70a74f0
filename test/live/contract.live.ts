import { afterAll, beforeAll } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { contract } from '../contract/contract.ts';
import { BOOTED, bareName } from './lab/guests.ts';
import { canBoot } from './lab/initramfs.ts';
import { succeeds } from './lab/run.ts';
import { virsh } from './lab/virsh.ts';

/** Where no guest can boot: a guest whose firmware finds nothing to boot. */
const HAS_BOOTED = canBoot();
const GUEST = HAS_BOOTED ? BOOTED : bareName(0);
const STARTS_ONCE = bareName(1);

beforeAll(() => {
  if (!HAS_BOOTED) virsh('resume', GUEST);
  // Before libvirt 11.2 virsh has no such option, and the contract expects none.
  succeeds('virsh', ['autostart', STARTS_ONCE, '--once']);
});
afterAll(() => {
  if (!HAS_BOOTED) virsh('suspend', GUEST);
  succeeds('virsh', ['autostart', STARTS_ONCE, '--once', '--disable']);
});

contract('a real libvirtd with QEMU', () => ({
  open: (readOnly) => connect('qemu:///system', { readOnly }),
  running: GUEST,
  agentless: GUEST,
  startsOnce: STARTS_ONCE,
}));

// What libvirt's own test driver fails at in any version: device statistics, live pins, host figures and pages, agents.
contract("libvirt's test driver", () => ({
  open: (readOnly) => connect('test:///default', { readOnly }),
  running: 'test',
  agentless: 'test',
  lacks: ['guest agents', 'stats of devices', 'live pins', 'node figures', 'free pages', 'job', 'control'],
}));
