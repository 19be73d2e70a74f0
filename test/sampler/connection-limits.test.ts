import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { connectionLimits } from '../../sampler/connection-limits.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { type Demo, startDemo } from '../../simulator/demo.ts';

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ scenario: 'untuned' });
});
afterAll(() => demo.stop());

test('over ssh a host has three connections for its VMs at most, since each is a process', () => {
  expect(connectionLimits('qemu+ssh://root@kvm1/system')).toEqual({ baseConnections: 3, maxConnections: 3 });
  for (const uri of ['qemu:///system', 'qemu+tls://kvm1/system', 'qemu+unix:///system?socket=/run/ssh'])
    expect(connectionLimits(uri)).toBeUndefined();
});

test('with these a sampler has the figures of each VM, and opens no connection for a moment in each sample', async () => {
  let opened = 0;
  const sampler = new Sampler({
    ...connectionLimits('qemu+ssh://kvm1/system'),
    open: (signal) => {
      opened++;
      return connect(demo.uri, { readOnly: true, signal });
    },
  });
  try {
    for (let sample = 0; sample < 10; sample++) {
      const { domains } = await sampler.sample();
      expect(domains.filter(({ outcome }) => outcome.kind !== 'fresh')).toEqual([]);
    }
    // Control, calls about the host, and three for the VMs; more for the host while its calls are slow.
    expect(opened).toBeGreaterThanOrEqual(5);
    expect(opened).toBeLessThan(12);
  } finally {
    await sampler.close();
  }
});
