import { AuthError, ConnectError, LibvirtClientError, RemoteError, UriError } from '../libvirt/errors.ts';

/** After BSD's sysexits.h, so that a unit file or a script can tell them apart. */
export const ExitCode = { ok: 0, usage: 64, unavailable: 69, software: 70, notPermitted: 77 } as const;

export function exitCodeFor(error: unknown): number {
  if (error instanceof UriError) return ExitCode.usage;
  if (error instanceof AuthError) return ExitCode.notPermitted;
  if (error instanceof ConnectError) {
    return error.code === 'LIBVIRT_PERMISSION' ? ExitCode.notPermitted : ExitCode.unavailable;
  }
  if (error instanceof RemoteError || error instanceof LibvirtClientError) return ExitCode.unavailable;
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'SEARCH_PERMISSION') return ExitCode.notPermitted;
  if (typeof code === 'string' && code.startsWith('SEARCH_')) return ExitCode.unavailable;
  if (code === 'QUEUE_IN_USE') return ExitCode.unavailable;
  if (code === 'HTTP_LISTEN') return ExitCode.unavailable;
  if (
    code === 'HTTP_LISTEN_ADDRESS' ||
    code === 'CONFIG' ||
    code === 'USAGE' ||
    code === 'SCENARIO' ||
    code === 'QUEUE_FOLDER'
  )
    return ExitCode.usage;
  return ExitCode.software;
}
