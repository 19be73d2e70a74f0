/** Prints the definition of a VM, as virsh dumpxml does: node libvirt/examples/dump-xml.ts URI NAME */
import { connect, ErrorCode, RemoteError } from '../index.ts';

const [, , uri = 'qemu:///system', name = ''] = process.argv;

const connection = await connect(uri);
try {
  const domain = await connection.domainByName(name, { timeoutMs: 2_000 });
  process.stdout.write(await connection.domainXml(domain, 0, { timeoutMs: 2_000 }));
} catch (error) {
  if (!(error instanceof RemoteError) || error.libvirtCode !== ErrorCode.noDomain) throw error;
  console.error(`there is no VM ${JSON.stringify(name)}; list-domains.ts prints the names`);
  process.exitCode = 1;
} finally {
  await connection.close();
}
