import { ListenAddressError } from './listen-address.ts';

/** First file descriptor that systemd passes (SD_LISTEN_FDS_START in sd-daemon.h). */
const FIRST_FD = 3;

/**
 * File descriptors of the sockets that systemd opened for this process, by sd_listen_fds(3).
 * @param env is stripped of the variables, so that no child mistakes the sockets for its own
 * @throws ListenAddressError when there are none, or they belong to another process
 */
export function systemdSockets(env: NodeJS.ProcessEnv, pid: number): readonly number[] {
  const { LISTEN_PID: ofPid, LISTEN_FDS: count } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) delete env[name];
  if (count === undefined || !/^[1-9]\d{0,3}$/.test(count)) {
    throw new ListenAddressError(
      '--web.systemd-socket: systemd passed no socket; start virtune from a .socket unit, or use --listen instead',
    );
  }
  if (Number(ofPid) !== pid) {
    throw new ListenAddressError(
      `--web.systemd-socket: the sockets are for process ${ofPid ?? '?'}, and this is ${pid}; run virtune in ExecStart itself, not through a shell`,
    );
  }
  return Array.from({ length: Number(count) }, (_, index) => FIRST_FD + index);
}
