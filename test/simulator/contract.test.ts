import { afterAll, beforeAll, describe } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';
import { RELEASE_NAMES } from '../../simulator/release.ts';
import { contract } from '../contract/contract.ts';
import { tuningContract } from '../contract/tuning/contract.ts';

describe.each(RELEASE_NAMES)('libvirt %s', (libvirt) => {
  let demo: Demo;
  beforeAll(async () => {
    demo = await startDemo({ libvirt });
  });
  afterAll(() => demo.stop());

  contract(`the simulator as libvirt ${libvirt}`, () => ({
    open: (readOnly) => connect(demo.uri, { readOnly }),
    running: 'pg-orders',
    agentless: 'batch-01',
    startsOnce: 'bastion',
  }));

  tuningContract(`the simulator as libvirt ${libvirt}`, () => ({
    open: () => connect(demo.uri, { readOnly: false }),
    domainType: 'kvm',
    image: '/var/lib/libvirt/images/throwaway.img',
    bridge: 'br0',
  }));
});
