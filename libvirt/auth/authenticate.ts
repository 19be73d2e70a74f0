import type { Connection } from '../client/connection.ts';
import { AuthType, ErrorCode } from '../constants.ts';
import { AuthError, RemoteError } from '../errors.ts';
import type { Credentials, SaslMechanism } from './mechanism.ts';
import { plain } from './plain.ts';
import { scramSha256 } from './scram.ts';

/** More rounds than any mechanism needs: stops a server that never completes. */
const ROUNDS_MAX = 10;
/** libvirt's virGetUserEnt: the daemon looks up the name of the client's UID before it lists what it requires. */
const UNKNOWN_USER = /user record for uid/;
const NO_BYTES = new Uint8Array();

export interface AuthContext {
  readonly credentials: Credentials | undefined;
  /** No one in between can read the transport; required before the password itself may be sent. */
  readonly isConfidential: boolean;
  readonly signal: AbortSignal;
}

/**
 * Performs the authentication that the daemon requires.
 * @throws AuthError that says what the daemon requires and what to do.
 */
export async function authenticate(connection: Connection, context: AuthContext): Promise<void> {
  const types = await requiredTypes(connection, context);
  if (types.includes(AuthType.none) || types.length === 0) return;
  if (types.includes(AuthType.polkit)) return polkit(connection, context);
  if (types.includes(AuthType.sasl)) return sasl(connection, context);
  throw new AuthError(
    'LIBVIRT_AUTH_UNSUPPORTED',
    `${connection.description} requires authentication of type ${types.join(', ')}, but this client supports only none, SASL and polkit`,
  );
}

async function requiredTypes(connection: Connection, { signal }: AuthContext): Promise<readonly number[]> {
  try {
    return (await connection.call('authList', undefined, { signal })).types;
  } catch (error) {
    if (!(error instanceof RemoteError) || !UNKNOWN_USER.test(error.message)) throw error;
    throw new AuthError(
      'LIBVIRT_AUTH_UNKNOWN_USER',
      `${connection.description}: the daemon rejects users that are unknown to its host (${error.message}); run as such a user, or for a systemd unit with DynamicUser= install libnss-systemd on the host and restart libvirtd`,
      { cause: error },
    );
  }
}

async function polkit(connection: Connection, { signal }: AuthContext): Promise<void> {
  try {
    await connection.call('authPolkit', undefined, { signal });
  } catch (error) {
    throw refused(
      error,
      'polkit denied access to this user; add a polkit rule for org.libvirt.unix.manage (or .monitor), or connect read-only',
    );
  }
}

async function sasl(connection: Connection, context: AuthContext): Promise<void> {
  const mechanisms = await offeredMechanisms(connection, context);
  const mechanism = chooseMechanism(mechanisms, connection.description, context);
  const options = { signal: context.signal };
  try {
    let { complete, nil, data } = await connection.call(
      'authSaslStart',
      { mechanism: mechanism.name, nil: false, data: mechanism.first() },
      options,
    );
    for (let round = 0; !complete || !mechanism.done; round++) {
      // A server may send its proof along with "complete"; then there is no call left to answer it with.
      const answer = nil && data.length === 0 ? undefined : await mechanism.answer(data);
      if (complete) break;
      if (round >= ROUNDS_MAX)
        throw new AuthError(
          'LIBVIRT_AUTH_FAILED',
          'SASL authentication did not complete; check the SASL configuration of the daemon',
        );
      ({ complete, nil, data } = await connection.call(
        'authSaslStep',
        { nil: answer === undefined, data: answer ?? NO_BYTES },
        options,
      ));
    }
  } catch (error) {
    throw refused(error, `SASL ${mechanism.name} was rejected; check user name and password`);
  }
  if (!mechanism.done) {
    throw new AuthError(
      'LIBVIRT_AUTH_SERVER_UNPROVEN',
      `SASL ${mechanism.name}: the server reported success without proving its identity; do not trust this server`,
    );
  }
}

async function offeredMechanisms(connection: Connection, { signal }: AuthContext): Promise<string[]> {
  try {
    const { mechanisms } = await connection.call('authSaslInit', undefined, { signal });
    return mechanisms.split(',');
  } catch (error) {
    throw refused(
      error,
      `${connection.description}: the daemon offers no SASL mechanism for this connection (over plain TCP it allows only those with encryption); use TLS, ssh or the local socket`,
    );
  }
}

function chooseMechanism(
  offered: readonly string[],
  description: string,
  context: AuthContext,
): SaslMechanism {
  const { credentials } = context;
  if (credentials === undefined) {
    throw new AuthError(
      'LIBVIRT_AUTH_NO_CREDENTIALS',
      `${description} requires SASL (${offered.join(', ')}); set a user name and a password (virtune: --sasl-username and --sasl-password-file, or sasl of the host in the configuration file)`,
    );
  }
  if (offered.includes('SCRAM-SHA-256')) return scramSha256(credentials);
  if (!offered.includes('PLAIN')) {
    throw new AuthError(
      'LIBVIRT_AUTH_UNSUPPORTED',
      `${description} offers SASL ${offered.join(', ')}, but this client supports only SCRAM-SHA-256 and PLAIN`,
    );
  }
  if (!context.isConfidential) {
    throw new AuthError(
      'LIBVIRT_AUTH_INSECURE',
      `${description} offers only PLAIN, which would send the password unencrypted; use TLS, ssh or the local socket`,
    );
  }
  return plain(credentials);
}

function refused(error: unknown, message: string): unknown {
  if (!(error instanceof RemoteError)) return error;
  const known: readonly number[] = [ErrorCode.authFailed, ErrorCode.authCancelled, ErrorCode.authUnavailable];
  const detail = known.includes(error.libvirtCode) ? '' : ` (${error.message})`;
  return new AuthError('LIBVIRT_AUTH_FAILED', message + detail, { cause: error });
}
