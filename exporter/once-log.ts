/** More are never needed, whatever a server makes of a message. */
const MESSAGES_MAX = 100;

/** Logs each message once: a standing fact, which is found again with each new connection. */
export function onceLog(log: (message: string) => void): (message: string) => void {
  const logged = new Set<string>();
  return (message) => {
    if (logged.has(message)) return;
    if (logged.size >= MESSAGES_MAX) logged.clear();
    logged.add(message);
    log(message);
  };
}
