import { expect, test } from 'vitest';
import { connect } from '../../libvirt/client/connect.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';
import { sampleText } from '../exporter/sample-text.ts';
import { parseExposition } from '../exposition.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';
import { samplesPerSecond } from './rule-cost.ts';

/** The host of the benchmark: 50 VMs on a host as wide as such a host would be. */
async function scrapeOf50Vms() {
  const calm = findScenario('calm');
  const host = { ...calm.host, coresPerSocket: 64, memoryGiB: 1_024 };
  const daemon = new SimulatedDaemon(new SimulatedHost({ ...withVmCount(calm, 50), host }));
  const socket = temporarySocket();
  await daemon.listen({ path: socket.path });
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
  });
  try {
    await sampler.sample();
    return parseExposition(sampleText(await sampler.sample(), 'text'));
  } finally {
    await sampler.close();
    await daemon.stop();
    socket.remove();
  }
}

test('rules read no more samples per host than they did before they were made for fleets', async () => {
  const scrape = await scrapeOf50Vms();
  expect(scrape.length).toBeGreaterThan(4_000);
  const samples = samplesPerSecond(scrape);
  // At 200 hosts these take a tenth of a core (`npm run bench -- rules`).
  expect(samples).toBeLessThanOrEqual(640);
  expect(samples).toBeGreaterThan(500);
});
