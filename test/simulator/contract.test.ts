import { afterAll, beforeAll } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { contract } from '../contract/contract.ts';
import { tuningContract } from '../contract/tuning/contract.ts';

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.stop());

contract('the simulator', () => ({
  open: (readOnly) => connect(demo.uri, { readOnly }),
  running: 'pg-orders',
  agentless: 'batch-01',
}));

tuningContract('the simulator', () => ({
  open: () => connect(demo.uri, { readOnly: false }),
  domainType: 'kvm',
  image: '/var/lib/libvirt/images/throwaway.img',
  bridge: 'br0',
}));
