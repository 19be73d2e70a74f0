import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import type { DomainState, HostFacts } from '../../tuner/facts/facts.ts';
import { readDomains } from '../../tuner/facts/read-domains.ts';
import { readHost } from '../../tuner/facts/read-host.ts';
import { ProfileLibrary } from '../../tuner/profile/library.ts';
import { defaultProfileDirs, type TuneFlags } from './options.ts';
import { localRoots } from './run-options.ts';

/** A host as a command finds it. */
export interface Session {
  readonly connection: Connection;
  readonly host: HostFacts;
  readonly domains: readonly DomainState[];
  readonly library: ProfileLibrary;
}

/**
 * Opens the host, reads it, and hands it to the command. What only looks does so over a read-only connection, and
 * sees no secrets.
 */
export async function withSession<T>(
  flags: TuneFlags,
  { readOnly }: { readonly readOnly: boolean },
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const library = openLibrary(flags);
  const connection = await connect(flags.connect, { readOnly });
  try {
    const [host, domains] = await Promise.all([
      readHost(connection, flags.connect, localRoots(flags.connect)),
      readDomains(connection),
    ]);
    return await run({ connection, host, domains, library });
  } finally {
    await connection.close();
  }
}

export function openLibrary(flags: Pick<TuneFlags, 'profiles'>): ProfileLibrary {
  return ProfileLibrary.open([...defaultProfileDirs(process.env), ...flags.profiles]);
}
