import { createInterface } from 'node:readline';
import { SimulatedDaemon } from '../../../simulator/daemon.ts';
import { findScenario } from '../../../simulator/demo.ts';
import { SimulatedHost } from '../../../simulator/host.ts';
import { withVmCount } from '../../../simulator/scenario.ts';

/**
 * `node clocked-simulator.ts PATH VMS`: a simulated libvirt in a separate process. Each input line advances its clock
 * by so many milliseconds, and is answered with a line.
 */
const [, , path = '', vms = '14'] = process.argv;
let nowMs = Date.now();
const host = new SimulatedHost(withVmCount(findScenario('calm'), Number(vms)), { now: () => nowMs });
await new SimulatedDaemon(host).listen({ path });
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  nowMs += Number(line);
  host.advance();
  console.log('there');
}
process.exit(0);
