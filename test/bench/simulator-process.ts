import { SimulatedDaemon } from '../../simulator/daemon.ts';
import { findScenario } from '../../simulator/demo.ts';
import { SimulatedHost } from '../../simulator/host.ts';
import { withVmCount } from '../../simulator/scenario.ts';

/** `node simulator-process.ts PATH VMS`: a simulated libvirt in a separate process, so that only virtune is measured. */
const [, , path = '', vms = '14'] = process.argv;
const daemon = new SimulatedDaemon(new SimulatedHost(withVmCount(findScenario('calm'), Number(vms))));
await daemon.listen({ path });
console.log('ready');
