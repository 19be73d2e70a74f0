import type { Credentials } from '../../libvirt/auth/mechanism.ts';
import { connect } from '../../libvirt/client/connect.ts';
import type { Connection } from '../../libvirt/client/connection.ts';
import { ClosedError } from '../../libvirt/errors.ts';
import { basisOf, type PlanBasis } from '../../tuner/apply/plan-basis.ts';
import { type DomainState, type HostFacts, patientReader } from '../../tuner/facts/facts.ts';
import { readDomains } from '../../tuner/facts/read-domains.ts';
import { readHost } from '../../tuner/facts/read-host.ts';
import { ProfileLibrary } from '../../tuner/profile/library.ts';
import { unlessStopped } from '../../tuner/unless-stopped.ts';
import { connectTimeoutMs, defaultProfileDirs, type TuneFlags } from './options.ts';
import { localRoots } from './run-options.ts';

/** A connected host, with its state as read at the start of a command. */
export interface Session {
  readonly connection: Connection;
  readonly host: HostFacts;
  readonly domains: readonly DomainState[];
  readonly library: ProfileLibrary;
  /** Everything that a plan depends on, for later comparison. */
  readonly basis: PlanBasis;
}

/**
 * Connects to the host, reads it, and passes it to the command. Commands that only read use a read-only connection, and
 * see no secrets.
 */
export async function withSession<T>(
  flags: TuneFlags,
  {
    readOnly,
    signal,
    credentials,
  }: {
    readonly readOnly: boolean;
    readonly signal?: AbortSignal | undefined;
    readonly credentials?: Credentials | undefined;
  },
  run: (session: Session) => Promise<T>,
): Promise<T> {
  const library = await openLibrary(flags);
  const timeoutMs = connectTimeoutMs(flags);
  const open = () => connect(flags.connect, { readOnly, timeoutMs, signal, credentials });
  if (signal === undefined) return withConnection(await open(), library, flags, run);
  return unlessStopped(signal, async () => {
    const connection = await open();
    // Abort, since libvirt may no longer answer.
    const abort = (): void => connection.abort(new ClosedError('interrupted'));
    signal.addEventListener('abort', abort);
    try {
      return await withConnection(connection, library, flags, run);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  });
}

async function withConnection<T>(
  connection: Connection,
  library: ProfileLibrary,
  flags: TuneFlags,
  run: (session: Session) => Promise<T>,
): Promise<T> {
  try {
    const reader = patientReader(connection, flags.timeout === undefined ? undefined : flags.timeout * 1_000);
    const [host, domains] = await Promise.all([
      readHost(reader, flags.connect, localRoots(flags.connect)),
      readDomains(reader),
    ]);
    return await run({ connection, host, domains, library, basis: basisOf(host, domains) });
  } finally {
    await connection.close();
  }
}

export function openLibrary(flags: Pick<TuneFlags, 'profiles'>): Promise<ProfileLibrary> {
  return ProfileLibrary.open(defaultProfileDirs(process.env), flags.profiles);
}

/** Timeout, as for any other read call. */
const HOSTNAME_SECONDS = 30;

/** Read first, since the host's lock is named after it. */
export async function readHostname(flags: Pick<TuneFlags, 'connect' | 'timeout'>): Promise<string> {
  const connection = await connect(flags.connect, { readOnly: true, timeoutMs: connectTimeoutMs(flags) });
  try {
    const timeoutMs = (flags.timeout ?? HOSTNAME_SECONDS) * 1_000;
    return (await connection.call('connectGetHostname', undefined, { timeoutMs })).hostname;
  } finally {
    await connection.close();
  }
}
