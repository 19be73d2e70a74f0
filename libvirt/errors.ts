/** Every `code` of this client's errors. */
export type LibvirtErrorCode =
  | 'LIBVIRT_PROTOCOL'
  | 'LIBVIRT_ENCODE'
  | 'LIBVIRT_URI'
  | ConnectErrorCode
  | AuthErrorCode
  | 'LIBVIRT_CLOSED'
  | 'LIBVIRT_CALL_TIMEOUT'
  | 'LIBVIRT_CALL_ABORTED'
  | 'LIBVIRT_READ_ONLY'
  | 'LIBVIRT_CALL_NOT_ALLOWED'
  | 'LIBVIRT_REMOTE';

/** What every error of this client carries: a stable `code`, and a message that says what to do next. */
export class LibvirtClientError extends Error {
  override readonly name: string = 'LibvirtClientError';
  readonly code: LibvirtErrorCode;
  constructor(code: LibvirtErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The peer sent bytes that violate the protocol; the connection is closed when this is thrown. */
export class ProtocolError extends LibvirtClientError {
  override readonly name = 'ProtocolError';
  constructor(message: string, options?: ErrorOptions) {
    super('LIBVIRT_PROTOCOL', message, options);
  }
}

/** A value to send does not fit the protocol (a string too long, a number out of range). */
export class EncodeError extends LibvirtClientError {
  override readonly name = 'EncodeError';
  constructor(message: string) {
    super('LIBVIRT_ENCODE', message);
  }
}

/** The URI cannot be used. */
export class UriError extends LibvirtClientError {
  override readonly name = 'UriError';
  constructor(message: string) {
    super('LIBVIRT_URI', message);
  }
}

export type ConnectErrorCode =
  | 'LIBVIRT_NOT_FOUND'
  | 'LIBVIRT_PERMISSION'
  | 'LIBVIRT_REFUSED'
  | 'LIBVIRT_TLS'
  | 'LIBVIRT_SSH'
  | 'LIBVIRT_CONNECT_TIMEOUT'
  | 'LIBVIRT_UNREACHABLE';

/** No connection could be made: no listener, not permitted, or no answer. */
export class ConnectError extends LibvirtClientError {
  override readonly name = 'ConnectError';
  declare readonly code: ConnectErrorCode;
  constructor(code: ConnectErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

export type AuthErrorCode =
  | 'LIBVIRT_AUTH_FAILED'
  | 'LIBVIRT_AUTH_UNSUPPORTED'
  | 'LIBVIRT_AUTH_INSECURE'
  | 'LIBVIRT_AUTH_NO_CREDENTIALS'
  | 'LIBVIRT_AUTH_UNKNOWN_USER'
  | 'LIBVIRT_AUTH_SERVER_UNPROVEN';

/** The server requires authentication that failed or is missing, or it failed to prove its own identity. */
export class AuthError extends LibvirtClientError {
  override readonly name = 'AuthError';
  declare readonly code: AuthErrorCode;
  constructor(code: AuthErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The connection is closed; `cause` says why, unless the caller closed it. */
export class ClosedError extends LibvirtClientError {
  override readonly name = 'ClosedError';
  constructor(message: string, options?: ErrorOptions) {
    super('LIBVIRT_CLOSED', message, options);
  }
}

/**
 * The caller gave up on a call (deadline or AbortSignal). A call in flight still holds one of the
 * connection's places until `finished` resolves: the server answered after all, or the connection ended.
 */
export class CallAbandonedError extends LibvirtClientError {
  override readonly name = 'CallAbandonedError';
  declare readonly code: 'LIBVIRT_CALL_TIMEOUT' | 'LIBVIRT_CALL_ABORTED';
  readonly finished: Promise<void>;
  constructor(
    code: CallAbandonedError['code'],
    message: string,
    finished: Promise<void>,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.finished = finished;
  }
}

/** A call that changes something, or discloses a secret, was made on a read-only connection. */
export class ReadOnlyError extends LibvirtClientError {
  override readonly name = 'ReadOnlyError';
  constructor(message: string) {
    super('LIBVIRT_READ_ONLY', message);
  }
}

/** A call was made on a connection that is restricted to other calls. */
export class CallNotAllowedError extends LibvirtClientError {
  override readonly name = 'CallNotAllowedError';
  constructor(message: string) {
    super('LIBVIRT_CALL_NOT_ALLOWED', message);
  }
}

/** The daemon reported that a call failed. */
export class RemoteError extends LibvirtClientError {
  override readonly name = 'RemoteError';
  /** virErrorNumber, see `ErrorCode`. */
  readonly libvirtCode: number;
  /** virErrorDomain: the part of libvirt that failed. */
  readonly libvirtDomain: number;
  constructor(call: string, libvirtCode: number, libvirtDomain: number, message: string) {
    super('LIBVIRT_REMOTE', `${call}: ${message} (libvirt error ${libvirtCode})`);
    this.libvirtCode = libvirtCode;
    this.libvirtDomain = libvirtDomain;
  }
}

export function isRemoteError(error: unknown, libvirtCode: number): error is RemoteError {
  return error instanceof RemoteError && error.libvirtCode === libvirtCode;
}
