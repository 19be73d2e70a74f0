import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LAB_DIR } from './paths.ts';
import { run } from './run.ts';

const CONFIG = '/etc/sasl2/libvirt.conf';

/**
 * Configures the mechanisms that libvirt's SASL offers, and creates one account. Returns a function that restores the
 * machine's own configuration.
 */
export function configureSasl(
  mechanisms: readonly string[],
  account: { username: string; password: string },
): () => void {
  const before = existsSync(CONFIG) ? readFileSync(CONFIG) : undefined;
  const database = join(LAB_DIR, 'passwd.db');
  mkdirSync('/etc/sasl2', { recursive: true });
  writeFileSync(CONFIG, `mech_list: ${mechanisms.join(' ').toLowerCase()}\nsasldb_path: ${database}\n`);
  rmSync(database, { force: true });
  run('saslpasswd2', ['-p', '-c', '-a', 'libvirt', '-f', database, account.username], {
    input: account.password,
  });
  return () => {
    if (before === undefined) rmSync(CONFIG, { force: true });
    else writeFileSync(CONFIG, before);
  };
}
