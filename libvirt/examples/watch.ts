/** Prints what happens to VMs until Ctrl-C, through restarts of libvirt: node libvirt/examples/watch.ts [URI] */
import { connect, LifecycleEvent, ManagedConnection } from '../index.ts';

const EVENTS = Object.keys(LifecycleEvent);
const uri = process.argv[2] ?? 'qemu:///system';

const managed = new ManagedConnection({
  open: (signal) => connect(uri, { signal }),
  onState: (state) => {
    if (state.kind === 'open') console.log('watching');
    if (state.kind === 'waiting') console.log(`connecting again: ${state.error.message}`);
  },
});
managed.on('lifecycle', ({ domain, event }) => {
  console.log(`${JSON.stringify(domain.name)} ${EVENTS[event] ?? event}`);
});
process.once('SIGINT', () => void managed.close());
