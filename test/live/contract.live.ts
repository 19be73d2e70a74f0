import { connect } from '../../libvirt/client/connect.ts';
import { contract } from '../contract/contract.ts';
import { BOOTED } from './lab/guests.ts';

contract('a real libvirtd with QEMU', () => ({
  open: (readOnly) => connect('qemu:///system', { readOnly }),
  running: BOOTED,
  agentless: BOOTED,
}));

// What libvirt's own test driver fails at in 9.0.0: device statistics, live pins, host figures and pages, agents.
contract("libvirt's test driver", () => ({
  open: (readOnly) => connect('test:///default', { readOnly }),
  running: 'test',
  agentless: 'test',
  lacks: ['guest agents', 'stats of devices', 'live pins', 'node figures', 'free pages', 'job', 'control'],
}));
