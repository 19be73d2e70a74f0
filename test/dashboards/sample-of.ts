import { connect } from '../../libvirt/client/connect.ts';
import type { HostSample } from '../../sampler/host-sample.ts';
import { Sampler } from '../../sampler/sampler.ts';
import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import type { Scenario } from '../../simulator/scenario.ts';
import { temporarySocket } from '../sampler/temporary-socket.ts';

/** What virtune reads of a simulated host in its second sample. */
export async function sampleOf(scenario: Scenario): Promise<HostSample> {
  const daemon = new SimulatedDaemon(new SimulatedHost(scenario));
  const socket = temporarySocket();
  await daemon.listen({ path: socket.path });
  const sampler = new Sampler({
    open: (signal) => connect(`qemu:///system?socket=${socket.path}`, { signal }),
  });
  try {
    await sampler.sample();
    return await sampler.sample();
  } finally {
    await sampler.close();
    await daemon.stop();
    socket.remove();
  }
}
