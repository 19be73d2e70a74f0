/** Lists all domains of a host with their states: node libvirt/examples/list-domains.ts [URI] */
import { connect, DomainState } from '../index.ts';

const STATES = Object.keys(DomainState);

const connection = await connect(process.argv[2] ?? 'qemu:///system');
try {
  console.log(await connection.hostname());
  for (const domain of await connection.domains()) {
    const { state } = await connection.call('domainGetState', { domain, flags: 0 });
    // A name can hold any character but a newline and a slash: JSON keeps control characters off the terminal.
    console.log(`${JSON.stringify(domain.name)} ${STATES[state] ?? state}`);
  }
} finally {
  await connection.close();
}
